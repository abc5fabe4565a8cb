/** Puts blocks of settings from elsewhere in the file into a plugin's config, and knows where each value stands. */
import type { Path } from "./problem.ts";
import type { ConfigNode, MapNode } from "./tree.ts";
import { isNull, toValue } from "./value.ts";

/** Step to every entry of a list. */
export const everyEntry = "[]";

export interface FillingOptions {
  readonly own: MapNode;
  /** Of the plugin's config in the file. */
  readonly path: Path;
  /** Two places of the file give one setting different values. */
  readonly onConflict: (earlier: Path, later: Path) => void;
}

export interface Filling {
  /** The config with everything in it that was added. */
  readonly node: () => MapNode;
  /** Adds the fields of `block`, which stands at `from`, to the block that `steps` lead to. */
  add(steps: Path, block: MapNode, from: Path): void;
  /** Where in the file the setting at `path` of the config stands, or would stand. */
  locate(path: Path): Path;
}

/** Nothing of the file's own tree is changed. */
export function createFilling({ onConflict, own, path }: FillingOptions): Filling {
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

  function add(steps: Path, block: MapNode, from: Path): void {
    const copy: MapNode = keep({ ...block }, from); // the same partial can be there twice, at places of its own
    const filled = fill(root, steps, copy, path);
    if (filled.kind === "map") root = filled;
  }

  function fill(node: ConfigNode | undefined, steps: Path, block: MapNode, at: Path): ConfigNode {
    const [step, ...rest] = steps;
    if (step === undefined) return node === undefined ? block : merge(node, block, at);
    if (step === everyEntry || typeof step === "number") return fillList(node, steps, block, at);
    const around = node === undefined || isNull(node) ? keep(emptyLike(own), at) : node;
    if (around.kind !== "map") return around; // the schema will say what is wrong with it
    const inner = around.entries.get(step);
    const filled = fill(inner, rest, block, placeOf(inner, at, step));
    return keep({ ...around, entries: new Map([...around.entries, [step, filled]]) }, at);
  }

  function fillList(node: ConfigNode | undefined, steps: Path, block: MapNode, at: Path): ConfigNode {
    const [step, ...rest] = steps;
    const items = node?.kind === "list" ? node.items : [];
    if (node !== undefined && !isNull(node) && node.kind !== "list") return node;
    if (step === everyEntry && (items.length === 0 || (node !== undefined && made.has(node)))) {
      const list = { ...emptyLike(own), kind: "list" as const, items: [...items, block] };
      made.add(list);
      return keep(list, at);
    }
    const filled = items.map((item, index) =>
      step === everyEntry || step === index
        ? fill(item, rest, keep({ ...block }, places.get(block) ?? []), placeOf(item, at, index))
        : item,
    );
    return keep({ ...emptyLike(own), kind: "list", items: filled }, at);
  }

  /** The earlier value stands. */
  function merge(earlier: ConfigNode, later: ConfigNode, at: Path): ConfigNode {
    if (isNull(earlier)) return later;
    if (isNull(later)) return earlier;
    const from = places.get(later) ?? [];
    if (earlier.kind === "map" && later.kind === "map") return mergeFields(earlier, later, at, from);
    if (JSON.stringify(toValue(earlier)) !== JSON.stringify(toValue(later))) onConflict(at, from);
    return earlier;
  }

  function mergeFields(earlier: MapNode, later: MapNode, at: Path, from: Path): MapNode {
    const entries = new Map(earlier.entries);
    for (const [name, value] of later.entries) {
      const known = entries.get(name);
      const given = keep({ ...value }, placeOf(value, from, name));
      entries.set(name, known === undefined ? given : merge(known, given, placeOf(known, at, name)));
    }
    return keep({ ...earlier, entries, hidden: new Set([...earlier.hidden, ...later.hidden]) }, at);
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

function childOf(node: ConfigNode | undefined, step: Path[number]): ConfigNode | undefined {
  if (node?.kind === "list" && typeof step === "number") return node.items[step];
  return node?.kind === "map" ? node.entries.get(String(step)) : undefined;
}

function emptyLike({ keyOffset, offset }: MapNode): MapNode {
  return { kind: "map", offset, keyOffset, entries: new Map(), hidden: new Set() };
}
