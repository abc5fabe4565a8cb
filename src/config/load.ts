/** Reads a declarative config file. Everything wrong with it is reported at once; nothing is ever half-applied. */
import type { PluginDefinition } from "../plugins/plugin.ts";
import { findCover } from "../util/secret-cover.ts";
import { buildConfig, orderedPlugin } from "./build.ts";
import { collect, type Instance } from "./collect.ts";
import type { Config } from "./config.ts";
import { entitySchema } from "./entity.ts";
import { createFieldNotices, type FieldNotices } from "./field-notices.ts";
import { fieldSchema } from "./field-schema.ts";
import type { Good } from "./good.ts";
import { type LoadedEntity, loadedEntities } from "./loaded-entities.ts";
import { createDirectory, reportEqualValues } from "./names.ts";
import { checkOrdering } from "./ordering-checks.ts";
import { createPartials } from "./partials.ts";
import { readPlugin, reportSameScope } from "./plugin-entries.ts";
import type { Problem } from "./problem.ts";
import { createReport, nodeAt, type Report } from "./report.ts";
import { reportEqualServerNames } from "./served-certificates.ts";
import { substitute } from "./substitution.ts";
import { checkTopLevel } from "./top-level.ts";
import { type MapNode, parseTree } from "./tree.ts";
import { treeOf } from "./tree-of.ts";
import { reportEqualBackends } from "./upstreams.ts";
import { validate } from "./validate.ts";
import { isNull } from "./value.ts";
import { resolveReferences } from "./vault-references.ts";

export type { LoadedEntity } from "./loaded-entities.ts";
export { formatProblem, type Problem } from "./problem.ts";

export interface LoadOptions {
  /** Name of the file, for problems. */
  readonly file: string;
  /** Where `${{ env "DECK_…" }}` and `{vault://env/…}` look. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The plugins a file may use, in the order they run. */
  readonly plugins: readonly PluginDefinition[];
  /** Also take slower looks, for advice: on an order of 100 ms a plugin. Default: no. */
  readonly withReview?: boolean;
  /** What the entities refer to need not be among them: only each itself is checked. Default: no. */
  readonly isFragment?: boolean;
}

export interface LoadResult {
  /** Frozen. Undefined if and only if one of the problems is an error. */
  readonly config: Config | undefined;
  /** What the config was made of, of which it holds what serving needs; empty where there is no config. */
  readonly entities: () => readonly LoadedEntity[];
  /** In the order of the file. */
  readonly problems: readonly Problem[];
}

/** In UTF-16 units; a config that a person or a tool writes is a thousandth of it. */
const maxLength = 16 * 1024 * 1024;

/** Reads the text of a file in Kong's declarative format 3.0, YAML or JSON. Never throws. */
export function loadConfig(source: string, options: LoadOptions): LoadResult {
  const { env, file } = options;
  const text = source.startsWith("\uFEFF") ? source.slice(1) : source;
  const refusal = refuse(text);
  if (refusal !== undefined) return failed(file, text, refusal);

  const { substitutions, text: substituted, unclosed } = substitute(text, env);
  const tree = parseTree(substituted, substitutions);
  const root = tree.root;
  const report = createReport({ file, text, substitutions, root });
  if (unclosed !== undefined) {
    report.addAt("error", offsetAfter(substitutions, unclosed), [], 'this "${{" is never closed with "}}"');
  }
  for (const { fault = "", valueStart } of tree.failed) report.addAt("error", valueStart, [], fault);
  for (const { message, offset, path, severity } of tree.faults)
    report.addAt(severity, offset, path, message);

  if (root?.kind === "map") return read(root, options, report);
  if (!report.hasErrors()) report.add("error", [], wrongRoot(root));
  return nothing(report);
}

/**
 * The same of values that were never a text: the entities of the admin API. Nothing is substituted in them, and the
 * places of problems are told by their path alone. Never throws.
 */
export function loadDocument(document: Readonly<Record<string, unknown>>, options: LoadOptions): LoadResult {
  const root = treeOf(document);
  return read(root, options, createReport({ file: options.file, text: "", substitutions: [], root }));
}

function nothing(report: Report): LoadResult {
  return { config: undefined, entities: () => [], problems: report.problems() };
}

function read(root: MapNode, options: LoadOptions, report: Report): LoadResult {
  resolveReferences(root, options.env, report);
  checkTopLevel(root, report);
  const instances = collect(root, report);
  const notices = createFieldNotices(report);
  const directory = createDirectory(instances, report, { isFragment: options.isFragment === true });
  reportSameScope(instances, directory, report);
  const reader = {
    definitions: options.plugins,
    directory,
    partials: createPartials(instances, { definitions: options.plugins, directory, notices, report }),
    report,
    notices,
    root,
    withReview: options.withReview === true,
  };
  const good: Good[] = [];
  for (const instance of instances) {
    const value = readEntity(instance, report, notices);
    const plugin = instance.entity.name === "plugin" ? readPlugin(instance, reader) : undefined;
    if (value !== undefined) good.push({ instance, value, plugin });
  }
  reportEqualValues(instances, report);
  reportUnknownCallers(good, report);
  reportEqualBackends(good, directory, report);
  reportEqualServerNames(good, report);
  const names = options.plugins.map(({ name }) => name);
  checkOrdering({ plugins: good.flatMap(orderedPlugin), directory, names, report });
  notices.flush();
  if (report.hasErrors()) return nothing(report);
  return {
    config: buildConfig(good, directory),
    entities: () => loadedEntities(instances, directory),
    problems: report.problems(),
  };
}

/** The entity's own fields, without those nested in it. */
function readEntity(instance: Instance, report: Report, notices: FieldNotices): unknown {
  const { entity, node, path } = instance;
  const schema = entitySchema(entity);
  const except = new Set([
    ...Object.keys(entity.children ?? {}),
    ...(entity.name === "plugin" ? ["config"] : []),
  ]);
  const result = validate(schema, { node, path, except }, report);
  if (result === undefined) return undefined;
  notices.collect({ ...node, entries: without(node, except) }, fieldSchema(schema), path, entity.name);
  for (const finding of entity.check?.(result.value) ?? []) {
    const found = nodeAt(node, finding.path);
    // Why the value is missing has been said already.
    if (found?.kind === "scalar" && found.provenance === "missing") continue;
    report.add(finding.severity, [...path, ...finding.path], finding.message);
  }
  return result.value;
}

function without(node: MapNode, except: ReadonlySet<string>): MapNode["entries"] {
  return new Map([...node.entries].filter(([name]) => !except.has(name)));
}

/** A plugin for a consumer waits for somebody to find out who calls. */
function reportUnknownCallers(good: readonly Good[], report: Report): void {
  const plugins = good.filter(({ plugin }) => plugin !== undefined);
  if (plugins.some(({ plugin }) => plugin?.definition.authenticates === true)) return;
  for (const { instance, plugin } of plugins) {
    const { consumer, consumerGroup } = plugin?.scope ?? {};
    if (consumer === undefined && consumerGroup === undefined) continue;
    const message = "is for single callers, but no plugin of this file finds out who calls: it never runs";
    report.add("warning", [...instance.path, "name"], message);
  }
}

interface Refusal {
  readonly offset: number;
  readonly message: string;
}

/** Files that are not worth parsing. */
function refuse(text: string): Refusal | undefined {
  if (text.length > maxLength)
    return { offset: 0, message: `the file is too large: at most ${maxLength} characters are read` };
  if (text.trim() === "")
    return { offset: 0, message: 'the file is empty: begin it with _format_version: "3.0"' };
  const cover = findCover(text);
  // A file is kept nowhere else, so nothing could tell which secret a cover stands for.
  if (cover >= 0)
    return {
      offset: cover,
      message:
        "here a secret is covered: put the secret in, or read the file from the admin API with the header Sluice-Secrets: plain",
    };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe]/.exec(text);
  if (control === null) return undefined;
  const code = (control[0].codePointAt(0) ?? 0).toString(16).padStart(4, "0").toUpperCase();
  return { offset: control.index, message: `the file is not a text: it holds the character U+${code}` };
}

function failed(file: string, text: string, { message, offset }: Refusal): LoadResult {
  const report = createReport({ file, text, substitutions: [], root: undefined });
  report.addAt("error", offset, [], message);
  return nothing(report);
}

function wrongRoot(root: ReturnType<typeof parseTree>["root"]): string {
  if (root === undefined || isNull(root))
    return 'the file holds nothing but comments: begin it with _format_version: "3.0"';
  const found = root.kind === "list" ? "a list" : "a single value";
  return `expected fields such as _format_version, services and plugins at the top, found ${found}`;
}

/** Offset in the file → offset in the substituted text, for a place behind all substitutions. */
function offsetAfter(substitutions: ReturnType<typeof substitute>["substitutions"], offset: number): number {
  const last = substitutions.at(-1);
  return last === undefined ? offset : offset - last.end + last.valueEnd;
}
