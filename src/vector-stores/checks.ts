/** What every member checks before it does anything, so that the same mistake gives the same error from every store. */
import { StoreError } from "../util/store-error.ts";
import type { Namespace, VectorItem } from "./vector-store.ts";

const name = /^[A-Za-z0-9_-]{1,64}$/;

/** NUL and halves of surrogate pairs: not every server can keep them. */
const unkeepable = /[\0\p{Surrogate}]/u;

/** Whether an owner or a version may be called that. */
export function isName(value: string): boolean {
  return name.test(value);
}

/** Throws as `invalid` unless the name is one that every store can keep as it is. */
export function checkName(kind: "owner" | "version", value: string): void {
  if (isName(value)) return;
  throw invalid(`the ${kind} "${value}" of a namespace must be 1–64 characters of A–Z a–z 0–9 _ -`);
}

export function checkNamespace({ owner, version }: Namespace): void {
  checkName("owner", owner);
  checkName("version", version);
}

/** `owner/version`, as errors and people name a namespace. */
export function namespaceName({ owner, version }: Namespace): string {
  return `${owner}/${version}`;
}

/**
 * Throws as `invalid` unless items can stand in one namespace together.
 * Returns the length of their vectors; 0 when there are none.
 */
export function checkItems(namespace: Namespace, items: readonly VectorItem[]): number {
  checkNamespace(namespace);
  const dimensions = items[0]?.vector.length ?? 0;
  const ids = new Set<string>();
  for (const item of items) {
    const fault = faultOf(item, dimensions) ?? (ids.has(item.id) ? "the id stands twice" : undefined);
    if (fault !== undefined) throw invalid(`"${namespaceName(namespace)}", item "${item.id}": ${fault}`);
    ids.add(item.id);
  }
  return dimensions;
}

function faultOf({ id, vector }: VectorItem, dimensions: number): string | undefined {
  if (id.length < 1 || id.length > 200) return `the id must be 1–200 characters, it has ${id.length}`;
  if (unkeepable.test(id))
    return "the id holds a NUL or half a surrogate pair, which not every store can keep";
  if (vector.length === 0) return "the vector holds no numbers";
  if (vector.length !== dimensions)
    return `vector of ${vector.length} numbers among vectors of ${dimensions}`;
  if (!vector.every(Number.isFinite)) return "the vector holds numbers that are not finite";
  return undefined;
}

/** Throws as `invalid` unless a vector can be searched among vectors of `dimensions` numbers. */
export function checkQuery(namespace: Namespace, vector: Float32Array, dimensions: number): void {
  if (vector.length !== dimensions) {
    throw invalid(
      `vector of ${vector.length} numbers searched in "${namespaceName(namespace)}", which holds vectors of ` +
        `${dimensions}: descriptions and prompts must be embedded by the same model`,
    );
  }
  if (!vector.every(Number.isFinite)) {
    throw invalid(`vector searched in "${namespaceName(namespace)}": it holds numbers that are not finite`);
  }
}

/** A zero vector has no direction: it is near to nothing. */
export function isZero(vector: Float32Array): boolean {
  return vector.every((value) => value === 0);
}

/** Rounding and servers' float arithmetic can carry a cosine past ±1 by some 1e-7. */
export function clampSimilarity(similarity: number): number {
  return Math.max(-1, Math.min(1, similarity));
}

function invalid(message: string): StoreError {
  return new StoreError("invalid", message);
}
