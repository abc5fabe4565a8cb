/** Plain values as the tree of a file that was never written: nothing in it has a place. */
import type { ConfigNode, MapNode } from "./tree.ts";

const place = { offset: 0, keyOffset: undefined } as const;

/** Shares nothing with the value. Undefined counts as null. */
export function treeOf(value: Readonly<Record<string, unknown>>): MapNode {
  const entries = new Map<string, ConfigNode>();
  for (const [name, inner] of Object.entries(value)) entries.set(name, nodeOf(inner));
  return { ...place, kind: "map", entries, hidden: new Set() };
}

function nodeOf(value: unknown): ConfigNode {
  if (Array.isArray(value)) return { ...place, kind: "list", items: value.map(nodeOf) };
  if (typeof value === "object" && value !== null) return treeOf(value as Record<string, unknown>); // of JSON
  return { ...place, kind: "scalar", value: value ?? null, text: textOf(value), provenance: "file" };
}

function textOf(value: unknown): string {
  return value === undefined || value === null ? "" : String(value);
}
