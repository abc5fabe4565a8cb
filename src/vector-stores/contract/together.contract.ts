/** Several callers and stores at once, callers who leave, and the end. */

import { describe, expect, it } from "vitest";
import { StoreError } from "../../util/store-error.ts";
import type { VectorStore } from "../vector-store.ts";
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

export function describeTogether(bench: Bench): void {
  describe("several at once", () => {
    const generation = (n: number) =>
      Array.from({ length: 30 + n }, (_, i) => item(`${n}-${i}`, 1, i, n % 2));

    function expectWhole(ids: readonly string[] | undefined): void {
      const generations = new Set(ids?.map((id) => id.split("-")[0]));
      expect([...generations]).toHaveLength(1);
      expect(ids).toHaveLength(30 + Number([...generations][0]));
    }

    it("never shows a mixture of old and new items", async () => {
      await bench.put(bench.a, generation(0));
      const reader = bench.isShared ? await bench.open() : bench.store;
      const query = item("", 1, 1, 1).vector;
      const looks: Promise<readonly string[] | undefined>[] = [];
      for (let n = 1; n <= 8; n++) {
        const writing = bench.put(bench.a, generation(n));
        for (let i = 0; i < 4; i++) {
          looks.push(reader.search(bench.a, query, 100, signal).then((found) => found.map(({ id }) => id)));
          looks.push(reader.read(bench.a, signal).then((items) => items?.map(({ id }) => id)));
        }
        await writing;
      }
      for (const ids of await Promise.all(looks)) expectWhole(ids);
    });

    it("lets two stores write the same namespace at once", async () => {
      const second = await bench.open();
      const items = randomItems(60, 16, 5);
      await Promise.all([
        bench.store.replace(bench.a, items, signal),
        second.replace(bench.a, items, signal),
        bench.store.replace(bench.b, items, signal),
        second.replace(bench.b, items, signal),
      ]);
      for (const each of [bench.store, second]) {
        expect(bytesOf(await each.read(bench.a, signal))).toEqual(bytesOf(items));
        for (const namespace of [bench.a, bench.b]) {
          const query = randomUnit(16, randomFrom(1));
          expectNearest(await each.search(namespace, query, 60, signal), items, query, 60);
        }
        expect([...(await each.versions(bench.a.owner, signal))].sort()).toEqual(
          [bench.a.version, bench.b.version].sort(),
        );
      }
    });

    it("ends whole when stores write different content at once", async () => {
      const second = await bench.open();
      await Promise.all(
        [1, 2, 3].flatMap((n) => [
          bench.put(bench.a, generation(n)),
          second.replace(bench.a, generation(n), signal),
        ]),
      );
      const read = (await bench.store.read(bench.a, signal))?.map(({ id }) => id);
      expectWhole(read);
      expect((await bench.idsOf(bench.a, item("", 1, 1, 1).vector, 100)).sort()).toEqual(
        [...(read ?? [])].sort(),
      );
    });

    if (bench.isShared)
      it("shows another store what was written, changed and deleted", () => showsAnother(bench));
  });

  describe("ending", () => {
    const calls = (each: VectorStore, given: AbortSignal): Promise<unknown>[] => [
      each.inspect(given),
      each.replace(bench.a, [item("1", 1, 0)], given),
      each.read(bench.a, given),
      each.has(bench.a, given),
      each.versions(bench.a.owner, given),
      each.search(bench.a, item("", 1, 0).vector, 1, given),
      each.delete(bench.a, given),
    ];

    it("does nothing for a caller who has left", async () => {
      await bench.put(bench.b, [item("1", 1, 0)]);
      for (const call of calls(bench.store, AbortSignal.abort(new Error("gone"))))
        await failure("aborted", call);
      expect(await bench.store.has(bench.a, signal)).toBe(false);
    });

    it("lets a caller go at once when he leaves, and works on for others", async () => {
      const controller = new AbortController();
      const leaving = calls(bench.store, controller.signal);
      const staying = bench.put(bench.b, [item("1", 1, 0)]);
      controller.abort(new Error("gone"));
      for (const outcome of await Promise.allSettled(leaving)) {
        if (outcome.status === "fulfilled") continue;
        expect(outcome.reason).toBeInstanceOf(StoreError);
        expect(outcome.reason).toHaveProperty("kind", "aborted");
      }
      await staying;
      expect(await bench.idsOf(bench.b, item("", 1, 0).vector)).toEqual(["1"]);
    });

    it("fails as aborted once it is closed, and may be closed twice", async () => {
      const closing = await bench.open();
      const underWay = Promise.allSettled(calls(closing, signal));
      await closing.close();
      await closing.close();
      for (const call of calls(closing, signal)) await failure("aborted", call);
      for (const outcome of await underWay) {
        if (outcome.status === "rejected") expect(outcome.reason).toHaveProperty("kind", "aborted");
      }
    });

    it("may be closed before it was used", async () => {
      await (await bench.open()).close();
    });
  });
}

/** A member inside the process has nothing to show to another. */
async function showsAnother(bench: Bench): Promise<void> {
  const second = await bench.open();
  await bench.put(bench.a, [item("1", 1, 0)]);
  expect(bytesOf(await second.read(bench.a, signal))).toEqual(bytesOf([item("1", 1, 0)]));
  expect((await second.search(bench.a, item("", 1, 0).vector, 1, signal)).map(({ id }) => id)).toEqual(["1"]);
  await bench.put(bench.a, [item("2", 0, 1, 0)]);
  expect((await second.search(bench.a, item("", 0, 1, 0).vector, 1, signal)).map(({ id }) => id)).toEqual([
    "2",
  ]);
  await failure("invalid", second.search(bench.a, item("", 1, 0).vector, 1, signal));
  await bench.store.delete(bench.a, signal);
  expect(await second.search(bench.a, item("", 0, 1, 0).vector, 1, signal)).toEqual([]);
  expect(await second.has(bench.a, signal)).toBe(false);
}
