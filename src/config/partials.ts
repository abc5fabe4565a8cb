/** Entities of `partials`: each held against the schema of its block, and filled into the plugins that link it. */
import type { PartialBlocks, PluginDefinition } from "../plugins/plugin.ts";
import type { Instance } from "./collect.ts";
import type { FieldNotices } from "./field-notices.ts";
import { fieldSchema } from "./field-schema.ts";
import type { Directory } from "./names.ts";
import { createFilling, everyEntry, type Filling, type GivenBlock } from "./partial-filling.ts";
import { formatPath, type Path } from "./problem.ts";
import { nodeAt, type Report } from "./report.ts";
import type { ConfigNode, MapNode } from "./tree.ts";
import { validate } from "./validate.ts";
import { quote, textOf } from "./value.ts";

export interface Filled {
  readonly node: MapNode;
  /** Takes paths of the plugin's config, and reports each at the place that the setting comes from. */
  readonly report: Report;
}

export interface Partials {
  /**
   * The plugin's `own` config with the partials it links. What both give must be equal, but for a default, which gives way.
   * Undefined when a link cannot be followed or something contradicts, which has been reported.
   */
  fill(instance: Instance, definition: PluginDefinition, own: MapNode): Filled | undefined;
}

export interface PartialsOptions {
  readonly definitions: readonly PluginDefinition[];
  readonly directory: Directory;
  readonly notices: FieldNotices;
  readonly report: Report;
}

/** Checks every partial, linked or not. */
export function createPartials(instances: readonly Instance[], options: PartialsOptions): Partials {
  const { directory, report } = options;
  /** Said of a partial already; plugins that link it need not say it again. */
  const said = new Set<string>();
  for (const instance of instances) if (instance.entity.name === "partial") check(instance, options, said);

  function fill(instance: Instance, definition: PluginDefinition, own: MapNode): Filled | undefined {
    const path = [...instance.path, "config"];
    const links = instance.node.entries.get("partials");
    if (links?.kind !== "list" || links.items.length === 0) return { node: own, report };
    let isSound = true;
    const filling = createFilling({
      own,
      path,
      schema: fieldSchema(definition.config),
      onConflict: (earlier, later) => {
        isSound = false;
        report.add("error", earlier, contradiction(later, report));
      },
    });
    for (const [index, link] of links.items.entries()) {
      const linked = follow(link, [...instance.path, "partials", index], definition, filling.node());
      if (linked === undefined) isSound = false;
      else filling.add(linked.steps, linked.given);
    }
    return isSound ? { node: filling.node(), report: reportAt(filling, path, report, said) } : undefined;
  }

  function follow(
    link: ConfigNode,
    path: Path,
    definition: PluginDefinition,
    config: MapNode,
  ): { readonly steps: Path; readonly given: GivenBlock } | undefined {
    const instance = directory.find("partial", link);
    if (instance === undefined || link.kind !== "map") return undefined; // said by the directory or the schema
    const type = textOf(instance.node.entries.get("type")) ?? "";
    const blocks = blocksOf(definition, type);
    if (blocks === undefined) {
      report.add("error", path, noBlock(definition, instance));
      return undefined;
    }
    const steps = stepsOf(textOf(link.entries.get("path")), blocks, config);
    if (typeof steps === "string") {
      report.add("error", [...path, "path"], steps);
      return undefined;
    }
    const from = [...instance.path, "config"];
    return { steps, given: { block: configOf(instance), from, schema: fieldSchema(blocks.schema) } };
  }

  return { fill };
}

/** Never what every object has, such as `constructor`. */
function blocksOf({ partials = {} }: PluginDefinition, type: string): PartialBlocks | undefined {
  return Object.hasOwn(partials, type) ? partials[type] : undefined;
}

/** What a partial leaves out, the plugin may give; the rest must fit. */
function check(instance: Instance, options: PartialsOptions, said: Set<string>): void {
  const { definitions, notices, report } = options;
  const type = textOf(instance.node.entries.get("type")) ?? "";
  const blocks = definitions.map((each) => blocksOf(each, type)).find((each) => each !== undefined);
  const node = instance.node.entries.get("config");
  if (blocks === undefined) {
    const message = `no plugin of this version takes partials of this type: accepted, without effect`;
    report.add("notice", [...instance.path, "type"], message);
  }
  if (blocks === undefined || node?.kind !== "map") return;
  const path = [...instance.path, "config"];
  const add: Report["add"] = (severity, at, message) => {
    if (nodeAt(node, at.slice(path.length)) === undefined) return;
    said.add(sentence(at, message));
    report.add(severity, at, message);
  };
  const addAtName: Report["addAtName"] = (severity, at, message) => {
    said.add(sentence(at, message));
    report.addAtName(severity, at, message);
  };
  validate(blocks.schema, { node, path }, { ...report, add, addAtName });
  notices.collect(node, fieldSchema(blocks.schema), path, `partial ${type}`);
}

/** Problems of settings that a partial gave are problems of the partial, told once. */
function reportAt(filling: Filling, path: Path, report: Report, said: Set<string>): Report {
  function place(at: Path, message: string): { readonly at: Path; readonly message: string } | undefined {
    const found = filling.locate(at.slice(path.length));
    if (path.every((step, index) => found[index] === step)) return { at: found, message };
    if (said.has(sentence(found, message))) return undefined;
    said.add(sentence(found, message));
    return { at: found, message: `${message} (as part of ${formatPath(path)})` };
  }
  return {
    ...report,
    add(severity, at, message) {
      const placed = place(at, message);
      if (placed !== undefined) report.add(severity, placed.at, placed.message);
    },
    addAtName(severity, at, message) {
      const placed = place(at, message);
      if (placed !== undefined) report.addAtName(severity, placed.at, placed.message);
    },
  };
}

function sentence(path: Path, message: string): string {
  return `${formatPath(path)}: ${message}`;
}

function configOf({ node }: Instance): MapNode {
  const config = node.entries.get("config");
  if (config?.kind === "map") return config;
  return { ...node, entries: new Map(), hidden: new Set() };
}

function contradiction(later: Path, report: Report): string {
  const place = `${formatPath(later)}, line ${report.lineOf(later)}`;
  return `contradicts what a linked partial gives it (${place}): keep one of the two`;
}

function noBlock({ name, partials }: PluginDefinition, { node }: Instance): string {
  const types = Object.keys(partials ?? {});
  const taken = types.length === 0 ? "it takes no partials" : `it takes ${types.join(", ")}`;
  return `${name} has no block for a partial of type${quote(node.entries.get("type"))}: ${taken}`;
}

/** Steps to the block that `given` names, or to the usual one; a sentence that says why there is no such block. */
function stepsOf(given: string | undefined, { paths }: PartialBlocks, config: MapNode): Path | string {
  const wanted = (given ?? paths[0]).replace(/^config(?:\.|$)/, "");
  const pattern = wanted.replace(/\[\d+\]/g, everyEntry);
  const known = paths.find((path) => path === pattern || path === `${pattern}${everyEntry}`);
  if (known === undefined) {
    const places = paths.map((path) => `\`${path === "" ? "config" : `config.${path}`}\``).join(" or ");
    return `is no block that a partial of this type can fill: that is ${places}`;
  }
  const exact = known === pattern ? wanted : `${wanted}${everyEntry}`;
  const steps = exact === "" ? [] : exact.replaceAll("[", ".[").split(".").map(toStep);
  const index = steps.find((step) => typeof step === "number");
  const list = nodeAt(config, steps.slice(0, steps.indexOf(index ?? 0)));
  const count = list?.kind === "list" ? list.items.length : 0;
  if (index !== undefined && index >= count)
    return `leads to an entry that is not there: the list has ${count}, counted from 0`;
  return steps;
}

function toStep(text: string): string | number {
  const digits = /^\[(\d+)\]$/.exec(text)?.[1];
  return digits === undefined ? text : Number(digits);
}
