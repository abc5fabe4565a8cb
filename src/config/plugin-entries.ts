/** The plugins of a file: which definition each has, what its config comes to, and whose requests it sees. */
import type { PluginDefinition } from "../plugins/plugin.ts";
import { nearestName } from "../util/nearest-name.ts";
import type { Instance } from "./collect.ts";
import type { PluginConfig, PluginScope } from "./config.ts";
import type { FieldNotices } from "./field-notices.ts";
import { fieldSchema } from "./field-schema.ts";
import type { Directory } from "./names.ts";
import type { Partials } from "./partials.ts";
import { formatPath, type Path } from "./problem.ts";
import { publishedPlugins } from "./published-plugins.ts";
import type { Report } from "./report.ts";
import type { ConfigNode, MapNode } from "./tree.ts";
import { validate } from "./validate.ts";
import { quote, textOf } from "./value.ts";

export interface PluginReader {
  readonly definitions: readonly PluginDefinition[];
  readonly directory: Directory;
  readonly partials: Partials;
  readonly report: Report;
  readonly notices: FieldNotices;
  readonly root: MapNode;
  /** Also take the slower looks at accepted configs. */
  readonly withReview: boolean;
}

/** The definition and checked config of a plugin; undefined when something is wrong, which has been reported. */
export function readPlugin(
  instance: Instance,
  reader: PluginReader,
): Pick<PluginConfig, "definition" | "order" | "config" | "scope"> | undefined {
  const definition = findDefinition(instance, reader);
  if (definition === undefined) return undefined;
  checkCallerScope(instance, definition, reader);
  const config = readConfig(instance, definition, reader);
  if (config === undefined) return undefined;
  const order = reader.definitions.indexOf(definition);
  return { definition, order, config: config.value, scope: findScope(instance, reader) };
}

function findDefinition(
  { node, path }: Instance,
  { definitions, report }: PluginReader,
): PluginDefinition | undefined {
  const given = node.entries.get("name");
  const name = textOf(given);
  if (name === undefined) return undefined;
  const definition = definitions.find((candidate) => candidate.name === name);
  if (definition !== undefined) return definition;
  const names = definitions.map((candidate) => candidate.name);
  report.add("error", [...path, "name"], unknownPlugin(name, quote(given), names));
  return undefined;
}

function unknownPlugin(name: string, quoted: string, supported: readonly string[]): string {
  if (publishedPlugins.includes(name)) {
    return `plugin${quoted} is not supported by this version (supported: ${supported.join(", ")})`;
  }
  const near = nearestName(name, supported) ?? nearestName(name, publishedPlugins);
  const hint = near === undefined ? ` (supported: ${supported.join(", ")})` : `: did you mean \`${near}\`?`;
  return `there is no plugin${quoted}${hint}`;
}

function readConfig(
  instance: Instance,
  definition: PluginDefinition,
  reader: PluginReader,
): { readonly value: unknown } | undefined {
  const path = [...instance.path, "config"];
  const own = withShared(instance, path, reader);
  if (own === undefined) {
    checkEntries(instance.node.entries.get("config"), definition, path, reader.report);
    return undefined;
  }
  reader.notices.collect(own, fieldSchema(definition.config), path, definition.name);
  const filled = reader.partials.fill(instance, definition, own);
  if (filled === undefined) return undefined;
  const { node, report } = filled;
  const result = validate(definition.config, { node, path }, report);
  if (result === undefined) return undefined;
  checkReferences(node, definition, path, reader.directory);
  const findings = definition.check?.(result.value) ?? [];
  const advice = reader.withReview && !report.hasErrors() ? (definition.review?.(result.value) ?? []) : [];
  for (const finding of [...findings, ...advice]) {
    report.add(finding.severity, [...path, ...finding.path], finding.message);
  }
  return result;
}

/** A list in the place of a block is read as if each entry were one: the mistakes in them are told with it. */
function checkEntries(
  config: ConfigNode | undefined,
  definition: PluginDefinition,
  path: Path,
  report: Report,
): void {
  for (const [index, node] of config?.kind === "list" ? config.items.entries() : [])
    if (node.kind === "map") validate(definition.config, { node, path: [...path, index] }, report);
}

/** The plugin's own config, and what it leaves out from `_plugin_configs`, as decK fills it in. */
function withShared(
  { node, path }: Instance,
  configPath: Path,
  { report, root }: PluginReader,
): MapNode | undefined {
  const given = node.entries.get("config");
  const own = asBlock(given, node);
  if (own === undefined) {
    const found = given?.kind === "list" ? "a list: write the plugin once for each entry" : "a single value";
    report.add("error", configPath, `expected a block of fields, found ${found}`);
    return undefined;
  }
  const reference = node.entries.get("_config");
  const name = textOf(reference);
  if (name === undefined) return own;
  const shared = root.entries.get("_plugin_configs");
  const source = shared?.kind === "map" ? shared.entries.get(name) : undefined;
  if (source?.kind !== "map") {
    report.add(
      "error",
      [...path, "_config"],
      `there are no fields under${quote(reference)} in _plugin_configs`,
    );
    return undefined;
  }
  return {
    ...own,
    entries: new Map([...source.entries, ...own.entries]),
    hidden: new Set([...source.hidden, ...own.hidden]),
  };
}

/** A missing config is an empty one, standing where its plugin does. */
function asBlock(config: ConfigNode | undefined, plugin: MapNode): MapNode | undefined {
  if (config?.kind === "map") return config;
  if (config !== undefined && !(config.kind === "scalar" && config.value === null)) return undefined;
  return {
    kind: "map",
    offset: plugin.offset,
    keyOffset: plugin.keyOffset,
    entries: new Map(),
    hidden: new Set(),
  };
}

/** Scope field → the plugin entity's field that gives it. */
const scopeFields = {
  service: "service",
  route: "route",
  consumer: "consumer",
  consumerGroup: "consumer_group",
} as const;

function findScope(instance: Instance, { directory }: PluginReader): PluginScope {
  const scope: Partial<Record<keyof PluginScope, string>> = {};
  for (const [name, field] of Object.entries(scopeFields)) {
    const target = directory.target(instance, field);
    if (target !== undefined) scope[name as keyof PluginScope] = directory.id(target); // a key of the table above
  }
  return scope;
}

/** Who calls is known only once the plugins have run that find it out. */
function checkCallerScope(instance: Instance, definition: PluginDefinition, reader: PluginReader): void {
  const { definitions, directory, report } = reader;
  const fields = (["consumer", "consumer_group"] as const).filter(
    (field) => directory.target(instance, field) !== undefined,
  );
  const [field] = fields;
  if (field === undefined) return;
  const isNested = instance.parent?.entity.name === field;
  const path = isNested ? instance.path : [...instance.path, field];
  if (fields.length > 1) {
    report.add("error", path, "is for a consumer and for a group at once: give one of the two");
  }
  const known = definitions.findLastIndex(({ authenticates }) => authenticates === true);
  if (definitions.indexOf(definition) > known) return;
  const whom = field.replaceAll("_", " ");
  const message = `${definition.name} runs before it is known who calls, so it cannot be for one ${whom}`;
  report.add("error", path, message);
}

/** Settings that name an entity of the file. */
function checkReferences(
  config: MapNode,
  definition: PluginDefinition,
  path: Path,
  directory: Directory,
): void {
  for (const [field, kind] of Object.entries(definition.references ?? {})) {
    const reference = config.entries.get(field);
    if ((textOf(reference) ?? "") !== "" && reference !== undefined)
      directory.checkReference(kind, reference, [...path, field]);
  }
}

/** Of one plugin, one instance runs for a request; two for the same scope leave open which. */
export function reportSameScope(instances: readonly Instance[], directory: Directory, report: Report): void {
  const seen = new Map<string, Instance>();
  for (const instance of instances) {
    const name = textOf(instance.node.entries.get("name"));
    if (instance.entity.name !== "plugin" || name === undefined) continue;
    const scope = (instance.entity.scope ?? []).map((field) => {
      const target = directory.target(instance, field);
      return target === undefined ? "" : directory.id(target);
    });
    const key = JSON.stringify([name, ...scope]);
    const earlier = seen.get(key);
    if (earlier === undefined) seen.set(key, instance);
    else {
      const first = `${formatPath(earlier.path)}, line ${report.lineOf([...earlier.path, "name"])}`;
      report.add(
        "error",
        [...instance.path, "name"],
        `the plugin is set up for the same requests already (${first}); keep one of them`,
      );
    }
  }
}
