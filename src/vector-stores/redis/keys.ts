/**
 * Where things lie in the server. All names share one hash tag, so that in a cluster they are in one slot: a transaction
 * reaches all of them, and an index, whose name is a key there, stands beside what it indexes. The number in the tag is
 * the format's: another format never meets this one's data.
 */
import type { Namespace } from "../vector-store.ts";

export const keyPrefix = "{sluice:vectors:1}:";

/** HASH: what a namespace holds; see manifest.ts. */
export function manifestKey({ owner, version }: Namespace): string {
  return `${keyPrefix}manifest:${owner}:${version}`;
}

/** SET: the versions of an owner. */
export function versionsKey(owner: string): string {
  return `${keyPrefix}versions:${owner}`;
}

/** The FT index of all vectors of one length, whosever they are: managed servers allow ten indexes in all. */
export function indexName(dimensions: number): string {
  return `${keyPrefix}index:${dimensions}`;
}

/** What the keys of all items begin with that an index covers. */
export function itemPrefix(dimensions: number): string {
  return `${keyPrefix}item:${dimensions}:`;
}

/** HASH: one item of a namespace, for the index. `row` is its position. */
export function itemKey({ owner, version }: Namespace, dimensions: number, row: number): string {
  return `${itemPrefix(dimensions)}${owner}:${version}:${row}`;
}

/** Vector set: all items of a namespace, named by their position. */
export function vectorSetKey({ owner, version }: Namespace, digest: string): string {
  return `${keyPrefix}set:${owner}:${version}:${digest}`;
}
