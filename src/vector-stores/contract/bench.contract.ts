/** What the parts of the contract test share: vectors, expectations, and the stores of one test. */

import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import { afterEach, beforeEach, expect } from "vitest";
import { StoreError, type StoreErrorKind } from "../../util/store-error.ts";
import { normalise } from "../../util/vector.ts";
import type { Namespace, VectorItem, VectorMatch, VectorStore } from "../vector-store.ts";

/** Never aborted. */
export const { signal } = new AbortController();
setMaxListeners(0, signal); // many calls at once share it

/** Deterministic pseudo-random numbers (mulberry32), so that a failure repeats. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function randomUnit(dimensions: number, random: () => number): Float32Array {
  return normalise(Float32Array.from({ length: dimensions }, () => random() * 2 - 1));
}

export function randomItems(count: number, dimensions: number, seed: number): VectorItem[] {
  const random = randomFrom(seed);
  return Array.from({ length: count }, (_, i) => ({
    id: `item-${i}`,
    vector: randomUnit(dimensions, random),
  }));
}

export function item(id: string, ...numbers: number[]): VectorItem {
  return { id, vector: normalise(Float32Array.from(numbers)) };
}

export function exact(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
}

/** Ids with the very bytes of their vectors, so that −0 and denormals count. */
export function bytesOf(
  items: readonly VectorItem[] | undefined,
): readonly (readonly [string, string])[] | undefined {
  return items?.map(({ id, vector }) => {
    const { buffer, byteOffset, byteLength } = vector;
    return [id, Buffer.from(buffer, byteOffset, byteLength).toString("hex")] as const;
  });
}

/** The error a call must fail with; fails the test when it does not, or with another. */
export async function failure(kind: StoreErrorKind, call: Promise<unknown>): Promise<StoreError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof StoreError)) throw error ?? new Error(`expected a failure of kind ${kind}`);
  expect(error.kind, error.message).toBe(kind);
  return error;
}

/** The right number, in order, each with its true similarity, and none nearer left out; ties in any order. */
export function expectNearest(
  found: readonly VectorMatch[],
  items: readonly VectorItem[],
  query: Float32Array,
  limit: number,
): void {
  const truth = new Map(items.map(({ id, vector }) => [id, exact(vector, query)]));
  const best = [...truth.values()].sort((x, y) => y - x).slice(0, limit);
  expect(found).toHaveLength(best.length);
  expect(new Set(found.map(({ id }) => id)).size).toBe(best.length);
  for (const [i, { id, similarity }] of found.entries()) {
    expect(Math.abs(similarity - (truth.get(id) ?? 9))).toBeLessThan(1e-4);
    expect(Math.abs(similarity - (best[i] ?? 9))).toBeLessThan(1e-4);
    expect(similarity).toBeLessThanOrEqual(found[i - 1]?.similarity ?? 1);
  }
}

/** The stores and names of the running test. */
export interface Bench {
  /** Every store that is opened is a way to the same data. */
  readonly isShared: boolean;
  readonly store: VectorStore;
  /** Two namespaces of one random owner. */
  readonly a: Namespace;
  readonly b: Namespace;
  /** One more store, closed after the test. */
  open(): Promise<VectorStore>;
  put(namespace: Namespace, items: readonly VectorItem[]): Promise<void>;
  find(namespace: Namespace, vector: Float32Array, limit?: number): Promise<readonly VectorMatch[]>;
  idsOf(namespace: Namespace, vector: Float32Array, limit?: number): Promise<string[]>;
}

/** Opens a store before each test; afterwards deletes what the test's owners have and closes everything. */
export function useBench(
  create: () => VectorStore | Promise<VectorStore>,
  { isShared, timeoutMs }: { readonly isShared: boolean; readonly timeoutMs: number },
): Bench {
  let opened: VectorStore[] = [];
  let owner = "";
  const open = async () => {
    const store = await create();
    opened.push(store);
    return store;
  };
  const store = () => {
    const [first] = opened;
    if (first === undefined) throw new Error("no store is open outside a test");
    return first;
  };

  beforeEach(async () => {
    owner = `test-${randomUUID()}`;
    await open();
  }, timeoutMs);

  afterEach(async () => {
    const cleaner = await open();
    for (const each of [owner, `${owner}-2`]) {
      for (const version of await cleaner.versions(each, signal))
        await cleaner.delete({ owner: each, version }, signal);
    }
    await Promise.all(opened.map((each) => each.close()));
    opened = [];
  }, timeoutMs);

  const find = (namespace: Namespace, vector: Float32Array, limit = 10) =>
    store().search(namespace, vector, limit, signal);
  return {
    isShared,
    get store() {
      return store();
    },
    get a() {
      return { owner, version: "A_1-a" };
    },
    get b() {
      return { owner, version: "b" };
    },
    open,
    put: (namespace, items) => store().replace(namespace, items, signal),
    find,
    idsOf: async (namespace, vector, limit) => (await find(namespace, vector, limit)).map(({ id }) => id),
  };
}
