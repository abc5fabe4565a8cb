/** Plain values as the tree of a file that was never written: nothing in it has a place. */
import type { ConfigNode, MapNode } from "./tree.ts";

const place = { offset: 0, keyOffset: undefined } as const;

/**
 * Trees of frozen values, which stay as they are: of many entities, a change replaces one. Not of those with a reference to
 * a vault, since what the vault has is put into the tree.
 */
const kept = new WeakMap<object, MapNode>();

/** Without fields that hold null, which stands for "not set". */
export function treeOf(value: Readonly<Record<string, unknown>>): MapNode {
  const known = kept.get(value);
  if (known !== undefined) return known;
  const entries = new Map<string, ConfigNode>();
  for (const name in value) {
    const inner = value[name];
    if (inner !== null && inner !== undefined) entries.set(name, nodeOf(inner));
  }
  const node: MapNode = { ...place, kind: "map", entries, hidden: new Set() };
  if (Object.isFrozen(value) && !hasReference(node)) kept.set(value, node);
  return node;
}

function hasReference(node: ConfigNode): boolean {
  if (node.kind === "scalar") return node.text.includes("{vault://");
  const inner = node.kind === "list" ? node.items : [...node.entries.values()];
  return inner.some(hasReference);
}

function nodeOf(value: unknown): ConfigNode {
  if (Array.isArray(value)) return { ...place, kind: "list", items: value.map(nodeOf) };
  if (typeof value === "object" && value !== null) return treeOf(value as Record<string, unknown>); // of JSON
  const text = value === null ? "" : String(value);
  return { ...place, kind: "scalar", value, text, provenance: "file" };
}
