/** Reads a config file for a command. */
import { isUtf8 } from "node:buffer";
import { readFileSync } from "node:fs";
import type { Config } from "../config/config.ts";
import { type LoadResult, loadConfig, loadDocument } from "../config/load.ts";
import { formatProblem, type Problem } from "../config/problem.ts";
import { plugins } from "../plugins/index.ts";
import { ConfigFileError } from "./config-file-error.ts";
import { UsageError } from "./terminal.ts";

/** Where a config comes from: the bytes of a file, read once, or entities as a document. It may hold keys. */
export type ConfigSource =
  | { readonly path: string; readonly text: string }
  | { readonly path: string; readonly content: Readonly<Record<string, unknown>> };

export interface ConfigFile {
  /** The file; where there is none, what holds the entities. */
  readonly path: string;
  readonly source: ConfigSource;
  readonly config: Config;
  readonly entities: LoadResult["entities"];
  /** Warnings and notices. */
  readonly problems: readonly Problem[];
}

type Environment = Readonly<Record<string, string | undefined>>;

interface ReadOptions {
  readonly withReview: boolean;
}

/** Throws `ConfigFileError` with all problems when the file cannot be read or has an error. */
export function readConfigFile(path: string, env: Environment, options?: ReadOptions): ConfigFile {
  return loadSource({ path, text: readConfigText(path) }, env, options);
}

/** The same of what has been read; `path` is what problems call it. */
export function loadSource(
  source: ConfigSource,
  env: Environment,
  options: ReadOptions = { withReview: false },
): ConfigFile {
  const { path } = source;
  const how = { file: path, env, plugins, ...options };
  const { config, entities, problems } =
    "text" in source ? loadConfig(source.text, how) : loadDocument(source.content, how);
  if (config === undefined) {
    const errors = problems.filter((problem) => problem.severity === "error").length;
    const count = errors === 1 ? "1 error" : `${errors} errors`;
    throw new ConfigFileError(
      [...problems.map(formatProblem), `${path}: ${count}; nothing was changed`].join("\n"),
      problems,
    );
  }
  return { path, source, config, entities, problems };
}

/** Throws `ConfigFileError` when it cannot be read, or would be read as something else than was written. */
export function readConfigText(path: string): string {
  const bytes = readBytes(path);
  if (isUtf8(bytes)) return bytes.toString();
  const [first = 0, second = 0] = bytes;
  // Either order of bytes; PowerShell's `>` writes the first.
  const isUtf16 = [0xfffe, 0xfeff].includes(first * 0x100 + second);
  const guess = isUtf16 ? ", but in UTF-16" : "";
  throw new ConfigFileError(`${path}: is not in UTF-8${guess}: save it in that encoding`);
}

function readBytes(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigFileError(`${path}: cannot be read: ${reason}`);
  }
}

/** The value of `-c FILE`, or the one positional argument; throws `UsageError` where there is neither, and where there are both. */
export function configPath(
  given: string | boolean | undefined,
  positional: string | undefined,
  usage: string,
): string {
  const path = optionalConfigPath(given, positional);
  if (path === undefined) throw new UsageError(`which config file? Usage: sluice ${usage}`);
  return path;
}

/** The same where a command can do without; a name that is empty is a mistake all the same. */
export function optionalConfigPath(
  given: string | boolean | undefined,
  positional: string | undefined,
): string | undefined {
  if (typeof given === "string" && positional !== undefined)
    throw new UsageError(`two config files, ${given} and ${positional}: give one`);
  const path = typeof given === "string" ? given : positional;
  if (path === "")
    throw new UsageError("the name of the config file is empty, as of a variable that is not set");
  return path;
}
