/** Turns a declarative file of Kong's into one that loads here, and finds out what there is to say about it. */
import { loadConfig } from "../../config/load.ts";
import { formatPath, formatProblem, type Path } from "../../config/problem.ts";
import { substitute } from "../../config/substitution.ts";
import { parseTree } from "../../config/tree.ts";
import { plugins } from "../../plugins/index.ts";
import { ConfigFileError } from "../config-file-error.ts";
import { problemsOf } from "./checked.ts";
import type { Finding } from "./findings.ts";
import { entitiesIn, knownDifferences } from "./known-differences.ts";
import { leaveOut } from "./leave-out.ts";
import { updateFormat } from "./old-formats.ts";
import { SourceDocument } from "./source-document.ts";
import { GuessedVariables } from "./variables.ts";

export interface Conversion {
  readonly findings: readonly Finding[];
  /** Variables that the file needs and that are not set. Their values were not checked. */
  readonly variables: readonly string[];
  /** A file that loads here. */
  readonly document: SourceDocument;
}

/** Throws `ConfigFileError` for a text that is no config file at all. */
export function convert(
  text: string,
  file: string,
  env: Readonly<Record<string, string | undefined>>,
): Conversion {
  const variables = new GuessedVariables(text, env);
  refuseUnreadable(text, file, variables);
  const document = new SourceDocument(text);
  const converted = updateFormat(document);
  if (converted === undefined)
    throw new ConfigFileError(`${file}: _format_version: must be 3.0, 2.1 or 1.1; nothing was converted`);
  const original = entitiesIn(document.value([]));
  const placeOf = (path: Path) => shown(document, path);
  const different = knownDifferences(original, placeOf);
  const unsupported = leaveOut(document, () => problemsOf(document, variables));
  const found = [
    ...unsupported,
    ...different,
    ...writtenOut(document),
    ...converted,
    ...remarks(document, variables),
  ];
  // By place; what is about the gateway as a whole comes first.
  const findings = found.sort(
    (one, other) => (one.line ?? 0) - (other.line ?? 0) || (one.column ?? 0) - (other.column ?? 0),
  );
  return { findings, variables: variables.names(), document };
}

/** What is wrong with the file as a text cannot be left out. */
function refuseUnreadable(text: string, file: string, variables: GuessedVariables): void {
  const env = variables.environment();
  const errors = loadConfig(text, { file, env, plugins }).problems.filter(
    ({ severity }) => severity === "error",
  );
  const { substitutions, text: substituted } = substitute(text, env);
  const isReadable = parseTree(substituted, substitutions).root?.kind === "map";
  const fault = isReadable ? errors.find(({ path }) => path === "") : errors[0];
  if (fault !== undefined) throw new ConfigFileError(`${formatProblem(fault)}; nothing was converted`);
}

function writtenOut({ aliases }: SourceDocument): readonly Finding[] {
  if (aliases === 0) return [];
  const message = `${aliases} YAML ${aliases === 1 ? "alias" : "aliases"}: what ${aliases === 1 ? "it stands" : "they stand"} for is written out`;
  return [{ group: "converted", path: "", message }];
}

/** Warnings and notices of what is left. */
function remarks(document: SourceDocument, variables: GuessedVariables): readonly Finding[] {
  return problemsOf(document, variables).map(({ message, severity, steps }) => ({
    group: severity === "warning" ? "doubtful" : "ignored",
    ...shown(document, steps),
    message,
  }));
}

function shown(document: SourceDocument, steps: Path): Pick<Finding, "path" | "line" | "column"> {
  const { column, line, path } = document.placeOf(steps);
  return { path: formatPath(path), line, column };
}
