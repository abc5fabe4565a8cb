import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWithServer, startServer, type TestServer } from "../../../test/support/servers.ts";
import { normalise } from "../../util/vector.ts";
import { exact, expectNearest, randomFrom, randomUnit, signal } from "../contract/bench.contract.ts";
import type { VectorItem, VectorMatch } from "../vector-store.ts";
import { usePgvector } from "./bench.contract.ts";
import { indexName } from "./hnsw.ts";

/** Around so many centres, as texts of so many topics are. */
function clusteredItems(count: number, dimensions: number, centres: number, seed: number): VectorItem[] {
  const random = randomFrom(seed);
  const middles = Array.from({ length: centres }, () => randomUnit(dimensions, random));
  return Array.from({ length: count }, (_, n) => ({
    id: `item-${n}`,
    vector: near(middles[n % centres] ?? new Float32Array(), random),
  }));
}

function near(vector: Float32Array, random: () => number): Float32Array {
  const noise = randomUnit(vector.length, random);
  return normalise(vector.map((value, i) => value + 0.9 * (noise[i] ?? 0)));
}

describeWithServer("postgres", "pgvector with many vectors", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer("postgres", {});
  });
  afterAll(() => server.stop());
  const bench = usePgvector(() => server);

  async function indexOf(owner: string, version: string): Promise<string | undefined> {
    const [row] = await bench.ask(
      `SELECT indexdef FROM pg_indexes WHERE indexname = '${indexName({ owner, version })}'`,
    );
    return row?.["indexdef"] as string | undefined;
  }

  /** How often the index has been used, once the connections that used it are gone. */
  async function scansOf(version: string): Promise<number> {
    const name = indexName({ owner: "o", version });
    const [row] = await bench.ask(
      `SELECT idx_scan::integer AS scans FROM pg_stat_user_indexes WHERE indexrelname = '${name}'`,
    );
    return Number(row?.["scans"]);
  }

  it.each([
    { dimensions: 384, count: 2500, type: "vector" },
    { dimensions: 3072, count: 400, type: "halfvec" },
  ])(
    "finds what is nearest among $count of $dimensions through an index of $type",
    async ({ dimensions, count, type }) => {
      const namespace = { owner: "o", version: `many-${dimensions}` };
      const items = clusteredItems(count, dimensions, 20, dimensions);
      const store = bench.open({ timeout: 20_000 }, { scanUpTo: 100_000 });
      await store.replace(namespace, items, signal);
      expect(await indexOf("o", namespace.version)).toContain(`::${type}(${dimensions})) ${type}_cosine_ops`);

      const truth = new Map(items.map(({ id, vector }) => [id, vector]));
      const random = randomFrom(1);
      let hits = 0;
      const searches = 30;
      for (let n = 0; n < searches; n++) {
        const query = near(items[n * 7]?.vector ?? new Float32Array(), random);
        const found: readonly VectorMatch[] = await store.search(namespace, query, 10, signal);
        // Whatever is found has its true similarity, however the index rounds.
        for (const { id, similarity } of found)
          expect(similarity).toBeCloseTo(exact(truth.get(id) ?? query, query), 5);
        const tenth = items.map(({ vector }) => exact(vector, query)).sort((a, b) => b - a)[9] ?? 1;
        hits += found.filter(({ similarity }) => similarity >= tenth - 1e-5).length;
      }
      expect(hits / (10 * searches)).toBeGreaterThanOrEqual(0.99);
      await store.close();
      await expect.poll(() => scansOf(namespace.version)).toBe(searches);
    },
  );

  it("makes no index where looking at all is quick, nor above 4000 dimensions", async () => {
    const few = bench.open();
    const small = clusteredItems(50, 384, 5, 1);
    await few.replace({ owner: "o", version: "few" }, small, signal);
    expect(await indexOf("o", "few")).toBeUndefined();

    const wide = bench.open({}, { scanUpTo: 1000 });
    const items = clusteredItems(20, 4001, 5, 1);
    await wide.replace({ owner: "o", version: "wide" }, items, signal);
    expect(await indexOf("o", "wide")).toBeUndefined();
    const query = items[3]?.vector ?? new Float32Array();
    expectNearest(await wide.search({ owner: "o", version: "wide" }, query, 5, signal), items, query, 5);
  });

  it("answers in full where the index alone would not: many wanted, zero vectors, one that is gone", async () => {
    const namespace = { owner: "o", version: "odd" };
    const store = bench.open({}, { scanUpTo: 1000 });
    const items = [
      ...clusteredItems(600, 8, 5, 2),
      ...Array.from({ length: 30 }, (_, n) => ({ id: `zero-${n}`, vector: new Float32Array(8) })),
    ];
    const findable = items.slice(0, 600);
    await store.replace(namespace, items, signal);
    const query = randomUnit(8, randomFrom(3));
    for (const limit of [500, 600, 1000])
      expectNearest(await store.search(namespace, query, limit, signal), findable, query, limit);
    await bench.ask(`DROP INDEX ${indexName(namespace)}`);
    expectNearest(await store.search(namespace, query, 10, signal), findable, query, 10);
    expect(await store.search(namespace, new Float32Array(8), 10, signal)).toEqual([]);
  });

  it("replaces and deletes the index with the items", async () => {
    const namespace = { owner: "o", version: "turns" };
    const store = bench.open({}, { scanUpTo: 1000 });
    await store.replace(namespace, clusteredItems(200, 8, 5, 2), signal);
    const other = clusteredItems(200, 16, 5, 3);
    await store.replace(namespace, other, signal);
    expect(await indexOf("o", "turns")).toContain("vector(16)");
    const query = randomUnit(16, randomFrom(3));
    expectNearest(await store.search(namespace, query, 5, signal), other, query, 5);
    await store.replace(namespace, other.slice(0, 3), signal);
    expect(await indexOf("o", "turns")).toBeUndefined();
    await store.replace(namespace, other, signal);
    await store.delete(namespace, signal);
    expect(await indexOf("o", "turns")).toBeUndefined();
  });

  it("lets several nodes put large namespaces in place at once", async () => {
    const items = clusteredItems(200, 8, 5, 4);
    const stores = [1, 2, 3, 4].map(() => bench.open({}, { scanUpTo: 1000 }));
    await Promise.all(
      stores.flatMap((store) =>
        ["same", "same", "other"].map((version) => store.replace({ owner: "p", version }, items, signal)),
      ),
    );
    for (const version of ["same", "other"]) {
      expect(await indexOf("p", version)).toBeDefined();
      const query = randomUnit(8, randomFrom(5));
      const found = await stores[0]?.search({ owner: "p", version }, query, 10, signal);
      expectNearest(found ?? [], items, query, 10);
    }
  });
});
