import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import {
  describeWithServer,
  startBlackHole,
  startProxy,
  startServer,
  type TestServer,
} from "../../../test/support/servers.ts";
import { bytesOf, failure, item, signal } from "../contract/bench.contract.ts";
import { usePgvector } from "./bench.contract.ts";

const namespace = { owner: "o", version: "v" };
const items = [item("1", 1, 0), item("2", 0, 1)];
const query = item("", 1, 0).vector;

/** Asks until it holds; the test's own timeout bounds the wait. */
async function untilAsked(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10));
}

describeWithServer(
  "postgres",
  "pgvector in trouble",
  () => {
    let server: TestServer;
    const ends: (() => Promise<void>)[] = [];
    beforeAll(async () => {
      server = await startServer("postgres", {});
    });
    afterAll(() => server.stop());
    const bench = usePgvector(() => server);
    beforeEach(async () => {
      const store = bench.open();
      await store.replace(namespace, items, signal);
      await store.close();
    });
    afterEach(async () => {
      for (const end of ends.splice(0)) await end();
    });

    async function elapsed(work: () => Promise<unknown>): Promise<number> {
      const start = performance.now();
      await work();
      return performance.now() - start;
    }

    it("is away at once while the server is, and back as soon as it is", async () => {
      const store = bench.open({ timeout: 30_000 });
      expect(await store.has(namespace, signal)).toBe(true);
      await server.kill();
      const call = () => failure("unreachable", store.search(namespace, query, 1, signal));
      expect(await elapsed(call)).toBeLessThan(15_000);
      await server.restart();
      expect(await store.search(namespace, query, 1, signal)).toEqual([{ id: "1", similarity: 1 }]);
    });

    it("does not notice a restart between two calls", async () => {
      const store = bench.open();
      await store.has(namespace, signal);
      await server.shutDown();
      await server.restart();
      expect(bytesOf(await store.read(namespace, signal))).toEqual(bytesOf(items));
    });

    it("does not notice that its connections were ended, by the server or on the way", async () => {
      const proxy = await startProxy(server);
      ends.push(() => proxy.stop());
      const store = bench.open({ port: proxy.port });
      await store.has(namespace, signal);
      await bench.ask(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sluice'",
      );
      expect(await store.has(namespace, signal)).toBe(true);
      proxy.dropConnections();
      expect(await store.has(namespace, signal)).toBe(true);
      expect(proxy.connections()).toBe(3);
    });

    it("makes everything anew on a server that comes back empty", async () => {
      const store = bench.open();
      await store.has(namespace, signal);
      await server.restart({ empty: true });
      expect(await store.has(namespace, signal)).toBe(false);
      expect(await store.read(namespace, signal)).toBeUndefined();
      await store.replace(namespace, items, signal);
      expect(bytesOf(await store.read(namespace, signal))).toEqual(bytesOf(items));
    });

    it("keeps to its timeout while the server is frozen, for fifty callers, and recovers", async () => {
      const store = bench.open({ timeout: 1_000 });
      await store.has(namespace, signal);
      server.freeze();
      try {
        const spent = await elapsed(() =>
          Promise.all(
            Array.from({ length: 50 }, async () => {
              const { message } = await failure("unreachable", store.has(namespace, signal));
              expect(message).toContain("no answer within 1000 ms (vectordb.pgvector.timeout)");
            }),
          ),
        );
        expect(spent).toBeGreaterThan(990);
        expect(spent).toBeLessThan(15_000); // one after the other it would be 50 s
        await failure("unreachable", store.search(namespace, query, 1, signal));
      } finally {
        server.thaw();
      }
      // No late answer is taken for another's.
      const answers = await Promise.all([
        store.versions("o", signal),
        store.has({ owner: "o", version: "other" }, signal),
        store.search(namespace, query, 1, signal),
        store.has(namespace, signal),
      ]);
      expect(answers).toEqual([["v"], false, [{ id: "1", similarity: 1 }], true]);
    });

    it("lets callers leave, and is closed, at once while the server is frozen", async () => {
      const [store, idle] = [bench.open({ timeout: 30_000 }), bench.open({ timeout: 30_000 })];
      await store.has(namespace, signal);
      await idle.has(namespace, signal);
      server.freeze();
      try {
        const controller = new AbortController();
        const leaving = [1, 2, 3, 4].map(() => failure("aborted", store.has(namespace, controller.signal)));
        const staying = failure("aborted", store.replace(namespace, items, signal));
        const spent = await elapsed(async () => {
          controller.abort();
          await Promise.all(leaving);
          const closing = store.close();
          expect((await staying).message).toContain("the store is closed");
          await Promise.all([closing, idle.close()]);
        });
        expect(spent).toBeLessThan(15_000);
      } finally {
        server.thaw();
      }
    });

    it("keeps to its timeout where connections are taken and nothing is said", async () => {
      const hole = await startBlackHole();
      ends.push(() => hole.stop());
      for (const ssl of [false, true]) {
        const store = bench.open({ port: hole.port, timeout: 200, ssl });
        const call = () => failure("unreachable", store.has(namespace, signal));
        expect(await elapsed(call)).toBeLessThan(4_500); // 5 s unless it is set
      }
      expect(hole.connections()).toBe(2);
    });

    it("gives up behind somebody else's lock, and so does the server", async () => {
      const store = bench.open({ timeout: 500 });
      const blocker = bench.ask(
        "BEGIN; SELECT FROM sluice_vector_namespaces FOR UPDATE; SELECT pg_sleep(3); COMMIT",
      );
      await untilAsked(
        async () =>
          (
            await bench.ask(
              "SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(3)%' AND wait_event = 'PgSleep'",
            )
          ).length > 0,
      );
      await failure("unreachable", store.replace(namespace, [], signal));
      await untilAsked(async () => (await bench.countConnections("wait_event_type = 'Lock'")) === 0);
      await blocker;
      expect(bytesOf(await store.read(namespace, signal))).toEqual(bytesOf(items));
    });

    it("leaves the old items where a write is cut in the middle", async () => {
      const store = bench.open();
      const many = Array.from({ length: 4000 }, (_, n) => item(`${n}`, ...Array(200).fill(1), n));
      const controller = new AbortController();
      const writing = failure("aborted", store.replace(namespace, many, controller.signal));
      await untilAsked(
        async () => (await bench.countConnections("query LIKE 'INSERT INTO sluice_vectors%'")) > 0,
      );
      controller.abort();
      await writing;
      expect(bytesOf(await bench.open().read(namespace, signal))).toEqual(bytesOf(items));
      await untilAsked(async () => (await bench.countConnections("state LIKE '%in transaction%'")) === 0);
    });

    it("says that the server has no connection left for it", async () => {
      await bench.ask("CREATE ROLE crowd LOGIN CONNECTION LIMIT 0");
      const { message } = await failure("unreachable", bench.open({ user: "crowd" }).has(namespace, signal));
      expect(message).toContain("53300");
      expect(message).toContain("PgBouncer");
    });

    it("keeps two connections at most, and none for long", async () => {
      const store = bench.open({}, { idleMs: 50 });
      await untilAsked(async () => (await bench.countConnections()) === 0);
      await Promise.all(Array.from({ length: 20 }, () => store.read(namespace, signal)));
      expect(await bench.countConnections()).toBeLessThanOrEqual(2);
      await untilAsked(async () => (await bench.countConnections()) === 0);
      expect(await store.has(namespace, signal)).toBe(true);
    });
  },
  { owned: true },
);
