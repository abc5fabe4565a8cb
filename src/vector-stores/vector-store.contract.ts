/** What every vector store must do; each member's test calls this with a way to make an empty store. */
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { normalise } from "../util/vector.ts";
import type { VectorItem, VectorStore } from "./vector-store.ts";

const { signal } = new AbortController();

/** Deterministic pseudo-random numbers (mulberry32), so that a failure repeats. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function randomUnit(dimensions: number, random: () => number): Float32Array {
  return normalise(Float32Array.from({ length: dimensions }, () => random() * 2 - 1));
}

function item(id: string, ...numbers: number[]): VectorItem {
  return { id, vector: normalise(Float32Array.from(numbers)) };
}

export function describeVectorStore(name: string, create: () => VectorStore): void {
  describe(`${name} as a vector store`, () => {
    let store: VectorStore;
    beforeEach(() => {
      store = create();
    });
    afterEach(() => store.close());

    const find = async (namespace: string, vector: Float32Array, limit = 10) =>
      store.search(namespace, vector, limit, signal);
    const idsOf = async (namespace: string, vector: Float32Array, limit = 10) =>
      (await find(namespace, vector, limit)).map((match) => match.id);
    const put = async (namespace: string, items: readonly VectorItem[]) =>
      store.replace(namespace, items, signal);

    it("answers nearest first with the cosine similarity", async () => {
      await put("a", [item("far", -1, 0), item("near", 1, 0.1), item("across", 0, 1)]);
      const matches = await find("a", item("", 1, 0).vector);
      expect(matches.map((match) => match.id)).toEqual(["near", "across", "far"]);
      expect(matches[0]?.similarity).toBeCloseTo(1 / Math.hypot(1, 0.1), 4);
      expect(matches[1]?.similarity).toBeCloseTo(0, 4);
      expect(matches[2]?.similarity).toBeCloseTo(-1, 4);
    });

    it("never answers a similarity outside -1 to 1", async () => {
      const random = randomFrom(7);
      const units = Array.from({ length: 50 }, () => randomUnit(33, random));
      await put(
        "a",
        units.map((vector, i) => ({ id: `${i}`, vector })),
      );
      for (const vector of units) {
        const [first] = await find("a", vector, 1);
        expect(first?.similarity).toBeLessThanOrEqual(1);
        expect(first?.similarity).toBeCloseTo(1, 4);
      }
    });

    it("answers at most as many as asked for", async () => {
      await put("a", [item("1", 1, 0), item("2", 0, 1), item("3", 1, 1)]);
      const { vector } = item("", 1, 0);
      expect(await idsOf("a", vector, 2)).toEqual(["1", "3"]);
      expect(await idsOf("a", vector, 0)).toEqual([]);
      expect(await idsOf("a", vector, 100)).toHaveLength(3);
    });

    it("keeps equally near items in their order", async () => {
      await put(
        "a",
        ["c", "a", "d", "b"].map((id) => item(id, 1, 1)),
      );
      expect(await idsOf("a", item("", 1, 0).vector)).toEqual(["c", "a", "d", "b"]);
      expect(await idsOf("a", item("", 1, 0).vector, 2)).toEqual(["c", "a"]);
      expect(await idsOf("a", item("", 1, 0).vector, 1000)).toEqual(["c", "a", "d", "b"]);
    });

    it("holds nothing in an unknown or an emptied namespace", async () => {
      expect(await find("unknown", item("", 1, 0).vector)).toEqual([]);
      await put("a", [item("1", 1, 0)]);
      await put("a", []);
      expect(await find("a", item("", 1, 0).vector)).toEqual([]);
    });

    it("replaces the whole content, dimensions included", async () => {
      await put("a", [item("old", 1, 0), item("older", 0, 1)]);
      await put("a", [item("new", 1, 0, 0)]);
      expect(await idsOf("a", item("", 1, 0, 0).vector)).toEqual(["new"]);
    });

    it("never shows a mixture of old and new items", async () => {
      const generation = (n: number) => Array.from({ length: 40 }, (_, i) => item(`${n}-${i}`, 1, i));
      await put("a", generation(0));
      const query = item("", 1, 1).vector;
      const work = [1, 2, 3].flatMap((n) => [
        put("a", generation(n)),
        idsOf("a", query, 40),
        idsOf("a", query, 40),
      ]);
      for (const ids of await Promise.all(work)) {
        if (ids === undefined) continue;
        expect(ids).toHaveLength(40);
        expect(new Set(ids.map((id) => id.split("-")[0])).size).toBe(1);
      }
    });

    it("does not follow later changes of the vectors it was given", async () => {
      const changing = item("1", 1, 0);
      await put("a", [changing]);
      changing.vector.set([0, 1]);
      const [match] = await find("a", item("", 1, 0).vector);
      expect(match?.similarity).toBeCloseTo(1, 4);
    });

    it("keeps namespaces apart", async () => {
      await put("a", [item("1", 1, 0)]);
      await put("b", [item("2", 1, 0, 0)]);
      await store.delete("a");
      expect(await find("a", item("", 1, 0).vector)).toEqual([]);
      expect(await idsOf("b", item("", 1, 0, 0).vector)).toEqual(["2"]);
    });

    it("deletes an unknown namespace without complaint", async () => {
      await store.delete("unknown");
      expect(await find("unknown", item("", 1).vector)).toEqual([]);
    });

    it("refuses to search with another number of dimensions, and says both", async () => {
      await put("a", [item("1", 1, 0, 0)]);
      await expect(find("a", item("", 1, 0).vector)).rejects.toThrow(/\b2\b.*\b3\b|\b3\b.*\b2\b/);
    });

    it("refuses items that do not fit together, and keeps the old ones", async () => {
      await put("a", [item("old", 1, 0)]);
      await expect(put("a", [item("1", 1, 0), item("2", 1, 0, 0)])).rejects.toThrow(/\b2\b/);
      await expect(put("a", [item("1", 1, 0), item("1", 0, 1)])).rejects.toThrow("1");
      await expect(put("a", [{ id: "1", vector: Float32Array.from([Number.NaN, 0]) }])).rejects.toThrow(
        "finite",
      );
      expect(await idsOf("a", item("", 1, 0).vector)).toEqual(["old"]);
    });

    it("is equally near to everything with a zero vector", async () => {
      await put("a", [item("1", 1, 0), item("2", -1, 0)]);
      const matches = await find("a", new Float32Array(2));
      expect(matches.map(({ id, similarity }) => [id, Math.abs(similarity)])).toEqual([
        ["1", 0],
        ["2", 0],
      ]);
    });

    it("finds what brute force finds among 1000 items", async () => {
      const random = randomFrom(42);
      const items = Array.from({ length: 1000 }, (_, i) => ({
        id: `item-${i}`,
        vector: randomUnit(64, random),
      }));
      await put("many", items);
      await fc.assert(
        fc.asyncProperty(
          fc.integer(),
          fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constant(1000)),
          async (seed, limit) => {
            const query = randomUnit(64, randomFrom(seed));
            const expected = items
              .map(({ id, vector }) => ({
                id,
                similarity: vector.reduce((sum, x, i) => sum + x * (query[i] ?? 0), 0),
              }))
              .sort((a, b) => b.similarity - a.similarity)
              .slice(0, limit);
            const found = await find("many", query, limit);
            expect(found.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
            for (const [i, { similarity }] of found.entries()) {
              expect(similarity).toBeCloseTo(expected[i]?.similarity ?? 9, 4);
            }
          },
        ),
        { numRuns: 30, seed: 1 },
      );
    });
  });
}
