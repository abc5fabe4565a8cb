/** Puts blocks of settings from elsewhere in the file into a plugin's config, and knows where each value stands. */
import { isDeepStrictEqual } from "node:util";
import { type FieldSchema, fieldAt } from "./field-schema.ts";
import type { Path } from "./problem.ts";
import type { ConfigNode, MapNode } from "./tree.ts";
import { isNull, typed } from "./value.ts";

/** Step to every entry of a list. */
export const everyEntry = "[]";

export interface FillingOptions {
  readonly own: MapNode;
  /** Of the plugin's config in the file. */
  readonly path: Path;
  /** Of the plugin's config: a default that is written out gives way to another value. */
  readonly schema: FieldSchema;
  /** Two places of the file give one setting different values, neither of them its default. */
  readonly onConflict: (earlier: Path, later: Path) => void;
}

export interface GivenBlock {
  readonly block: MapNode;
  /** Where it stands in the file. */
  readonly from: Path;
  readonly schema: FieldSchema;
}

export interface Filling {
  /** The config with everything in it that was added. */
  readonly node: () => MapNode;
  /** Adds fields to the block that `steps` lead to. */
  add(steps: Path, given: GivenBlock): void;
  /** Where in the file the setting at `path` of the config stands, or would stand. */
  locate(path: Path): Path;
}

/** A place in the file, and what may stand there. */
interface Spot {
  readonly at: Path;
  readonly field: FieldSchema | undefined;
}

/** Nothing of the file's own tree is changed. */
export function createFilling({ onConflict, own, path, schema }: FillingOptions): Filling {
  let root: MapNode = own;
  /** Places of nodes that are not where the node around them is. */
  const places = new Map<ConfigNode, Path>([[own, path]]);
  /** Lists made of nothing but added blocks: the next block is one more entry. */
  const made = new Set<ConfigNode>();

  function placeOf(node: ConfigNode | undefined, around: Path, step: Path[number]): Path {
    return (node && places.get(node)) ?? [...around, step];
  }

  function keep<Node extends ConfigNode>(node: Node, at: Path): Node {
    places.set(node, at);
    return node;
  }

  function add(steps: Path, given: GivenBlock): void {
    const target = fieldAt(
      schema,
      steps.map((step) => (step === everyEntry ? 0 : step)),
    );
    // A new node, since the same partial can be there twice, at places of its own.
    const block = keep({ ...given.block, entries: fitting(given, target) }, given.from);
    const filled = fill(root, steps, block, { at: path, field: schema });
    if (filled.kind === "map") root = filled;
  }

  function fill(node: ConfigNode | undefined, steps: Path, block: MapNode, spot: Spot): ConfigNode {
    const [step, ...rest] = steps;
    if (step === undefined) return node === undefined ? block : merge(node, block, spot);
    if (step === everyEntry || typeof step === "number") return fillList(node, steps, block, spot);
    const around = node === undefined || isNull(node) ? keep(emptyLike(own), spot.at) : node;
    if (around.kind !== "map") return around; // the schema will say what is wrong with it
    const inner = around.entries.get(step);
    const filled = fill(inner, rest, block, within(spot, step, inner));
    return keep({ ...around, entries: new Map([...around.entries, [step, filled]]) }, spot.at);
  }

  function fillList(node: ConfigNode | undefined, steps: Path, block: MapNode, spot: Spot): ConfigNode {
    const [step, ...rest] = steps;
    const items = node?.kind === "list" ? node.items : [];
    if (node !== undefined && !isNull(node) && node.kind !== "list") return node;
    if (step === everyEntry && (items.length === 0 || (node !== undefined && made.has(node)))) {
      const list = { ...emptyLike(own), kind: "list" as const, items: [...items, block] };
      made.add(list);
      return keep(list, spot.at);
    }
    const filled = items.map((item, index) =>
      step === everyEntry || step === index
        ? fill(item, rest, keep({ ...block }, places.get(block) ?? []), within(spot, index, item))
        : item,
    );
    return keep({ ...emptyLike(own), kind: "list", items: filled }, spot.at);
  }

  function within({ at, field }: Spot, step: string | number, node: ConfigNode | undefined): Spot {
    return { at: placeOf(node, at, step), field: fieldAt(field, [step]) };
  }

  /** Of two values the earlier stands, unless it says nothing. */
  function merge(earlier: ConfigNode, later: ConfigNode, spot: Spot): ConfigNode {
    if (isNull(later)) return earlier;
    if (isNull(earlier)) return later;
    if (earlier.kind === "map" && later.kind === "map") return mergeFields(earlier, later, spot);
    const [known, given] = [said(earlier, spot.field), said(later, spot.field)];
    if (isDefault(given, spot.field) || isDeepStrictEqual(known, given)) return earlier;
    if (isDefault(known, spot.field)) return later;
    onConflict(spot.at, places.get(later) ?? []);
    return earlier;
  }

  function mergeFields(earlier: MapNode, later: MapNode, spot: Spot): MapNode {
    const from = places.get(later) ?? [];
    const entries = new Map(earlier.entries);
    for (const [name, value] of later.entries) {
      const known = entries.get(name);
      const given = keep({ ...value }, placeOf(value, from, name));
      entries.set(name, known === undefined ? given : merge(known, given, within(spot, name, known)));
    }
    dropOverruled(entries, spot.field);
    return keep({ ...earlier, entries, hidden: new Set([...earlier.hidden, ...later.hidden]) }, spot.at);
  }

  function locate(steps: Path): Path {
    let node: ConfigNode | undefined = root;
    let at = path;
    for (const step of steps) {
      node = childOf(node, step);
      at = placeOf(node, at, step);
    }
    return at;
  }

  return { node: () => root, add, locate };
}

/** Beside an old way of saying the same, a default that was written out would win. */
function dropOverruled(entries: Map<string, ConfigNode>, field: FieldSchema | undefined): void {
  for (const [name, node] of [...entries]) {
    const replaced = isNull(node) ? [] : (fieldAt(field, [name])?.standsFor ?? []);
    for (const other of replaced) {
      const known = entries.get(other);
      const schema = fieldAt(field, [other]);
      if (known !== undefined && isDefault(said(known, schema), schema)) entries.delete(other);
    }
  }
}

/** The fields, without those that say nothing and that the target does not have. */
function fitting({ block, schema }: GivenBlock, target: FieldSchema | undefined): MapNode["entries"] {
  const fields = [...block.entries].filter(([name, node]) => {
    const field = fieldAt(schema, [name]);
    const isIdle = isNull(node) || isDefault(said(node, field), field);
    return !(isIdle && field !== undefined && fieldAt(target, [name]) === undefined);
  });
  return new Map(fields);
}

/** The value without what says nothing: fields that hold null or their default. */
function said(node: ConfigNode, field: FieldSchema | undefined): unknown {
  if (node.kind === "scalar") return typed(node, field?.type);
  if (node.kind === "list") return node.items.map((item, index) => said(item, fieldAt(field, [index])));
  const fields = [...node.entries].flatMap(([name, inner]) => {
    const schema = fieldAt(field, [name]);
    const value = said(inner, schema);
    return isNull(inner) || isDefault(value, schema) ? [] : [[name, value] as const];
  });
  return Object.fromEntries(fields);
}

function isDefault(value: unknown, field: FieldSchema | undefined): boolean {
  return field?.default !== undefined && isDeepStrictEqual(value, field.default);
}

function childOf(node: ConfigNode | undefined, step: Path[number]): ConfigNode | undefined {
  if (node?.kind === "list" && typeof step === "number") return node.items[step];
  return node?.kind === "map" ? node.entries.get(String(step)) : undefined;
}

function emptyLike({ keyOffset, offset }: MapNode): MapNode {
  return { kind: "map", offset, keyOffset, entries: new Map(), hidden: new Set() };
}
