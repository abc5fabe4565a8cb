/** What a search finds, and what it never finds. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Bench,
  bytesOf,
  expectNearest,
  failure,
  item,
  randomFrom,
  randomItems,
  randomUnit,
  signal,
} from "./bench.contract.ts";

export function describeSearching(bench: Bench): void {
  describe("searching", () => {
    it("answers nearest first with the cosine similarity", async () => {
      await bench.put(bench.a, [item("far", -1, 0), item("near", 1, 0.1), item("across", 0, 1)]);
      const matches = await bench.find(bench.a, item("", 1, 0).vector);
      expect(matches.map(({ id }) => id)).toEqual(["near", "across", "far"]);
      expect(matches[0]?.similarity).toBeCloseTo(1 / Math.hypot(1, 0.1), 4);
      expect(matches[1]?.similarity).toBeCloseTo(0, 4);
      expect(matches[2]?.similarity).toBeCloseTo(-1, 4);
    });

    it("never answers a similarity outside -1 to 1", async () => {
      const items = randomItems(40, 33, 7);
      await bench.put(bench.a, items);
      for (const { vector } of items) {
        const matches = await bench.find(
          bench.a,
          vector.map((value) => -value),
        );
        const last = await bench.find(bench.a, vector, 1);
        for (const { similarity } of [...matches, ...last]) {
          expect(similarity).toBeLessThanOrEqual(1);
          expect(similarity).toBeGreaterThanOrEqual(-1);
        }
        expect(last[0]?.similarity).toBeCloseTo(1, 4);
      }
    });

    it("answers at most as many as asked for", async () => {
      await bench.put(bench.a, [item("1", 1, 0), item("2", 0, 1), item("3", 1, 1)]);
      const { vector } = item("", 1, 0);
      expect(await bench.idsOf(bench.a, vector, 2)).toEqual(["1", "3"]);
      expect(await bench.idsOf(bench.a, vector, 0)).toEqual([]);
      expect(await bench.idsOf(bench.a, vector, 100)).toHaveLength(3);
    });

    it("finds every one of equally near items", async () => {
      const ids = ["c", "a", "d", "b"];
      await bench.put(
        bench.a,
        ids.map((id) => item(id, 1, 1)),
      );
      expect((await bench.idsOf(bench.a, item("", 1, 0).vector)).sort()).toEqual([...ids].sort());
      expect(new Set(await bench.idsOf(bench.a, item("", 1, 0).vector, 3)).size).toBe(3);
    });

    it("finds nothing in a missing namespace, nor in an empty one", async () => {
      expect(await bench.find(bench.a, item("", 1, 0).vector)).toEqual([]);
      await bench.put(bench.a, []);
      expect(await bench.find(bench.a, item("", 1, 0).vector)).toEqual([]);
    });

    it("keeps zero vectors but never finds them, and finds nothing near to one", async () => {
      const items = [item("1", 1, 0), { id: "zero", vector: new Float32Array(2) }, item("2", -1, 0)];
      await bench.put(bench.a, items);
      expect(await bench.idsOf(bench.a, item("", 1, 0).vector)).toEqual(["1", "2"]);
      expect(await bench.find(bench.a, new Float32Array(2))).toEqual([]);
      expect(bytesOf(await bench.store.read(bench.a, signal))).toEqual(bytesOf(items));
    });

    it("works where all vectors are zero", async () => {
      const items = [{ id: "zero", vector: new Float32Array(2) }];
      await bench.put(bench.a, items);
      expect(await bench.find(bench.a, item("", 1, 0).vector)).toEqual([]);
      expect(bytesOf(await bench.store.read(bench.a, signal))).toEqual(bytesOf(items));
      await failure("invalid", bench.find(bench.a, item("", 1, 0, 0).vector));
    });

    it("refuses to search with another number of dimensions, and says both", async () => {
      await bench.put(bench.a, [item("1", 1, 0, 0)]);
      for (const query of [item("", 1, 0).vector, new Float32Array(2)]) {
        const { message } = await failure("invalid", bench.find(bench.a, query));
        expect(message).toMatch(/\b2\b/);
        expect(message).toMatch(/\b3\b/);
      }
      await failure("invalid", bench.find(bench.a, Float32Array.from([Number.NaN, 0, 0])));
    });

    it.each([1, 1536, 3072, 4500])("searches and reads vectors of %i numbers", async (dimensions) => {
      const items = randomItems(4, dimensions, dimensions);
      await bench.put(bench.a, items);
      expect(bytesOf(await bench.store.read(bench.a, signal))).toEqual(bytesOf(items));
      const query = randomUnit(dimensions, randomFrom(9));
      expectNearest(await bench.find(bench.a, query, 4), items, query, 4);
    });

    it("finds what brute force finds among 1000 items", async () => {
      const items = randomItems(1000, 64, 42);
      await bench.put(bench.a, items);
      await fc.assert(
        fc.asyncProperty(
          fc.integer(),
          fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constant(1000)),
          async (seed, limit) => {
            const query = randomUnit(64, randomFrom(seed));
            expectNearest(await bench.find(bench.a, query, limit), items, query, limit);
          },
        ),
        { numRuns: 25, seed: 1 },
      );
    });
  });
}
