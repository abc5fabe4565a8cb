/** What is kept, how it is read back, and what is refused. */
import { describe, expect, it } from "vitest";
import { type Bench, bytesOf, failure, item, randomItems, signal } from "./bench.contract.ts";

export function describeKeeping(bench: Bench): void {
  describe("keeping", () => {
    it("replaces the whole content, dimensions included", async () => {
      await bench.put(bench.a, [item("old", 1, 0), item("older", 0, 1), item("oldest", 1, 1)]);
      await bench.put(bench.a, [item("new", 1, 0, 0)]);
      expect(await bench.idsOf(bench.a, item("", 1, 0, 0).vector)).toEqual(["new"]);
      expect((await bench.store.read(bench.a, signal))?.map(({ id }) => id)).toEqual(["new"]);
      await bench.put(bench.a, [item("newer", 0, 1), item("newest", 1, 0)]);
      expect(await bench.idsOf(bench.a, item("", 1, 0).vector)).toEqual(["newest", "newer"]);
    });

    it("reads back to the last bit and in order", async () => {
      const odd = Float32Array.from([1, -0, 1.4e-45, -3e-39, 1e-30]);
      const items = [...randomItems(50, 5, 3).reverse(), { id: "0", vector: odd }, item("-1", 0, 1, 0, 0, 0)];
      await bench.put(bench.a, items);
      expect(bytesOf(await bench.store.read(bench.a, signal))).toEqual(bytesOf(items));
    });

    it("tells an empty namespace from a missing one", async () => {
      expect(await bench.store.read(bench.a, signal)).toBeUndefined();
      expect(await bench.store.has(bench.a, signal)).toBe(false);
      await bench.put(bench.a, []);
      expect(await bench.store.read(bench.a, signal)).toEqual([]);
      expect(await bench.store.has(bench.a, signal)).toBe(true);
      expect(await bench.store.versions(bench.a.owner, signal)).toEqual([bench.a.version]);
    });

    it("knows the versions of an owner", async () => {
      expect(await bench.store.versions(bench.a.owner, signal)).toEqual([]);
      await bench.put(bench.a, [item("1", 1, 0)]);
      await bench.put(bench.b, [item("2", 1, 0, 0)]);
      expect([...(await bench.store.versions(bench.a.owner, signal))].sort()).toEqual(
        [bench.a.version, bench.b.version].sort(),
      );
      await bench.store.delete(bench.a, signal);
      expect(await bench.store.versions(bench.a.owner, signal)).toEqual([bench.b.version]);
      expect(await bench.store.has(bench.a, signal)).toBe(false);
      expect(await bench.store.read(bench.a, signal)).toBeUndefined();
      expect(await bench.find(bench.a, item("", 1, 0).vector)).toEqual([]);
      expect(await bench.idsOf(bench.b, item("", 1, 0, 0).vector)).toEqual(["2"]);
    });

    it("keeps owners apart", async () => {
      const other = { owner: `${bench.a.owner}-2`, version: bench.a.version };
      await bench.put(bench.a, [item("mine", 1, 0)]);
      await bench.put(other, [item("theirs", 1, 0)]);
      expect(await bench.idsOf(bench.a, item("", 1, 0).vector)).toEqual(["mine"]);
      await bench.store.delete(bench.a, signal);
      expect(await bench.idsOf(other, item("", 1, 0).vector)).toEqual(["theirs"]);
      expect(await bench.store.versions(other.owner, signal)).toEqual([other.version]);
    });

    it("deletes a missing namespace without complaint", async () => {
      await bench.store.delete(bench.a, signal);
      expect(await bench.store.has(bench.a, signal)).toBe(false);
    });

    it("does not follow later changes of the vectors it was given or gave", async () => {
      const changing = item("1", 1, 0);
      const writing = bench.put(bench.a, [changing]);
      changing.vector.set([0, 1]);
      await writing;
      (await bench.store.read(bench.a, signal))?.[0]?.vector.set([0, 1]);
      const [match] = await bench.find(bench.a, item("", 1, 0).vector);
      expect(match?.similarity).toBeCloseTo(1, 4);
    });

    it("keeps ids of any characters", async () => {
      const ids = [
        " ",
        "a b\tc\n",
        `quotes ' " \` ''`,
        "{a}[b](c)<d>",
        "a:b::c,d|e\\f/g",
        "@ns:{x} -y *",
        "%s $1 ${x} \\x41",
        "__proto__",
        "constructor",
        "42",
        "日本語 ✓ 🐢 e\u0301",
        "ü".repeat(200),
      ];
      const items = ids.map((id, i) => item(id, 1, i));
      await bench.put(bench.a, items);
      expect(bytesOf(await bench.store.read(bench.a, signal))).toEqual(bytesOf(items));
      expect((await bench.idsOf(bench.a, item("", 1, 0).vector, 100)).sort()).toEqual([...ids].sort());
    });
  });

  describe("refusing", () => {
    it("refuses items that do not fit together, and keeps the old ones", async () => {
      await bench.put(bench.a, [item("old", 1, 0)]);
      const { message } = await failure("invalid", bench.put(bench.a, [item("1", 1, 0), item("2", 1, 0, 0)]));
      expect(message).toMatch(/\b2\b.*\b3\b|\b3\b.*\b2\b/);
      await failure("invalid", bench.put(bench.a, [item("1", 1, 0), item("1", 0, 1)]));
      await failure("invalid", bench.put(bench.a, [{ id: "1", vector: Float32Array.from([Number.NaN, 0]) }]));
      await failure(
        "invalid",
        bench.put(bench.a, [{ id: "1", vector: Float32Array.from([Number.POSITIVE_INFINITY, 0]) }]),
      );
      await failure("invalid", bench.put(bench.a, [{ id: "1", vector: new Float32Array(0) }]));
      await failure("invalid", bench.put(bench.a, [item("", 1, 0)]));
      await failure("invalid", bench.put(bench.a, [item("x".repeat(201), 1, 0)]));
      await failure("invalid", bench.put(bench.a, [item("\0", 1, 0)]));
      await failure("invalid", bench.put(bench.a, [item("\ud800", 1, 0)]));
      expect(await bench.idsOf(bench.a, item("", 1, 0).vector)).toEqual(["old"]);
    });

    it.each(["", "a b", "a:b", "{a}", "é", "x".repeat(65)])("refuses the name %j", async (bad) => {
      await failure("invalid", bench.store.has({ owner: bad, version: "1" }, signal));
      await failure("invalid", bench.put({ owner: bench.a.owner, version: bad }, []));
      await failure("invalid", bench.store.read({ owner: bench.a.owner, version: bad }, signal));
      await failure("invalid", bench.find({ owner: bad, version: "1" }, item("", 1).vector));
      await failure("invalid", bench.store.delete({ owner: bad, version: "1" }, signal));
      await failure("invalid", bench.store.versions(bad, signal));
    });
  });
}
