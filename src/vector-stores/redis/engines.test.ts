/** Which engine is chosen on real servers, and the life of an index. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { askRedis, describeWithServer, startServer, type TestServer } from "../../../test/support/servers.ts";
import { failureOf, idsFound, items, namespace, signal, useStores } from "./open.contract.ts";

const index = "{sluice:vectors:1}:index:3";

describeWithServer(
  ["redis", "redis-stack", "valkey"],
  "the engines of redis",
  () => {
    const open = useStores();
    let redis: TestServer;
    let stack: TestServer;
    let valkey: TestServer;

    beforeAll(async () => {
      [redis, stack, valkey] = await Promise.all([
        startServer("redis"),
        startServer("redis-stack"),
        startServer("valkey"),
      ]);
    }, 30_000);
    beforeEach(() => Promise.all([redis, stack, valkey].map(({ url }) => askRedis(url, ["FLUSHALL"]))));
    afterAll(() => Promise.all([redis, stack, valkey].map((server) => server.stop())));

    describe("choosing", () => {
      it("takes what the server has, and says so", async () => {
        expect(await open({ port: stack.port }).inspect(signal)).toEqual({
          server: `Redis ${stack.version}`,
          engine: expect.stringMatching(/^RediSearch 2\.\d+\.\d+$/),
        });
        expect(await open({ port: redis.port }).inspect(signal)).toEqual({
          server: `Redis ${redis.version}`,
          engine: "vector sets 1",
        });
      });

      it("names a server that has neither, and what would help", async () => {
        const store = open({ port: valkey.port });
        for (const call of [
          store.inspect(signal),
          store.replace(namespace, items, signal),
          idsFound(store),
        ]) {
          const { kind, message } = await failureOf(call);
          expect(kind).toBe("unfit");
          expect(message).toContain(`Valkey ${valkey.version} at 127.0.0.1:${valkey.port}`);
          expect(message).toContain("neither the query engine (FT.*) nor vector sets (VADD)");
          expect(message).toMatch(/use Redis 8, Redis Stack/);
        }
      });

      it("takes no other engine than the one asked for", async () => {
        const search = await failureOf(open({ port: redis.port, engine: "search" }).inspect(signal));
        expect(search.kind).toBe("unfit");
        expect(search.message).toMatch(/Redis 8.* has no query engine \(FT\.\*\).*engine/);
        const sets = await failureOf(open({ port: stack.port, engine: "vectorset" }).inspect(signal));
        expect(sets.kind).toBe("unfit");
        expect(sets.message).toContain("has no vector sets (VADD)");
        expect((await open({ port: redis.port, engine: "vectorset" }).inspect(signal)).engine).toBe(
          "vector sets 1",
        );
      });

      it("does not use the query engine outside of database 0, which it would not index", async () => {
        const { kind, message } = await failureOf(open({ port: stack.port, database: 3 }).inspect(signal));
        expect(kind).toBe("unfit");
        expect(message).toContain("indexes only database 0, not database 3");
        expect((await open({ port: redis.port, database: 3 }).inspect(signal)).engine).toBe("vector sets 1");
      });

      it("says that a database is not there", async () => {
        const { kind, message } = await failureOf(
          open({ port: redis.port, database: 99 }).has(namespace, signal),
        );
        expect(kind).toBe("unfit");
        expect(message).toContain("check database");
      });

      it.each(["auto", "search", "vectorset"] as const)(
        "asks a proxy for nothing it might refuse (%s)",
        async (engine) => {
          const server = engine === "search" ? stack : redis;
          await askRedis(server.url, ["CONFIG", "RESETSTAT"]);
          const store = open({ port: server.port, connection_is_proxied: true, engine });
          await store.replace(namespace, items, signal);
          expect(await idsFound(store)).toEqual(["near", "across", "opposite"]);
          expect((await store.inspect(signal)).server).toContain("behind the proxy");
          const used = await commandsOf(server);
          for (const keyless of ["select", "module|list", "command|info", "info"])
            expect(used).not.toHaveProperty(keyless);
          expect(used).toMatchObject({ exec: 1, hset: engine === "search" ? 4 : 1 });
          // The one who asks for these figures says both.
          expect(used).toMatchObject({ hello: 1, "client|setinfo": 2 });
        },
      );

      it("finds what another engine has left only when it is written anew", async () => {
        const store = open({ port: redis.port });
        await store.replace(namespace, items, signal);
        await askRedis(redis.url, ["HSET", "{sluice:vectors:1}:manifest:owner:v1", "engine", "search"]);
        expect((await failureOf(idsFound(open({ port: redis.port })))).kind).toBe("corrupt");
        expect((await store.read(namespace, signal))?.map(({ id }) => id)).toEqual([
          "near",
          "across",
          "opposite",
        ]);
        await store.replace(namespace, items, signal);
        expect(await idsFound(store)).toEqual(["near", "across", "opposite"]);
      });
    });

    describe("indexing", () => {
      it("keeps one index for each length, whoever the owner", async () => {
        const store = open({ port: stack.port });
        for (const owner of ["a", "b"]) {
          for (const version of ["1", "2"]) await store.replace({ owner, version }, items, signal);
        }
        await store.replace(
          { owner: "a", version: "3" },
          [{ id: "1", vector: Float32Array.from([1]) }],
          signal,
        );
        const [names] = await askRedis(stack.url, ["FT._LIST"]);
        expect(names).toHaveLength(2);
      });

      it("leaves nothing behind that was deleted or replaced", async () => {
        for (const server of [stack, redis]) {
          const store = open({ port: server.port });
          await store.replace(namespace, items, signal);
          await store.replace(namespace, items.slice(1), signal);
          await store.replace(namespace, [], signal);
          await store.replace(namespace, items, signal);
          await store.delete(namespace, signal);
          expect(await askRedis(server.url, ["KEYS", "*"])).toEqual([[]]);
        }
      });

      it.each([["FT.DROPINDEX", index], ["FLUSHALL"]])("makes an index anew after %s", async (...command) => {
        const store = open({ port: stack.port });
        await store.replace(namespace, items, signal);
        await askRedis(stack.url, command);
        if (command[0] === "FLUSHALL") {
          expect(await store.has(namespace, signal)).toBe(false);
          expect(await idsFound(store)).toEqual([]);
          await store.replace(namespace, items, signal);
        }
        expect(await idsFound(store)).toEqual(["near", "across", "opposite"]);
      });

      it("waits for an index that is still being filled", async () => {
        const store = open({ port: stack.port });
        const many = Array.from({ length: 900 }, (_, i) => ({
          id: `${i}`,
          vector: Float32Array.from([1, i, 0]),
        }));
        await store.replace(namespace, many, signal);
        for (let i = 0; i < 5; i++) {
          await askRedis(stack.url, ["FT.DROPINDEX", index]);
          expect(await store.search(namespace, query3(), 900, signal)).toHaveLength(900);
        }
      });

      it("replaces an index of that name that is of another shape", async () => {
        const vector = ["vector", "VECTOR", "FLAT", "6", "TYPE", "FLOAT32", "DISTANCE_METRIC"];
        for (const shape of [
          ["PREFIX", "1", "other:", "SCHEMA", "namespace", "TAG", ...vector, "COSINE", "DIM", "3"],
          [
            "PREFIX",
            "1",
            "{sluice:vectors:1}:item:3:",
            "SCHEMA",
            "namespace",
            "TAG",
            ...vector,
            "L2",
            "DIM",
            "3",
          ],
          [
            "PREFIX",
            "1",
            "{sluice:vectors:1}:item:3:",
            "SCHEMA",
            "namespace",
            "TAG",
            ...vector,
            "COSINE",
            "DIM",
            "4",
          ],
          ["PREFIX", "1", "{sluice:vectors:1}:item:3:", "SCHEMA", "namespace", "TAG"],
        ]) {
          await askRedis(stack.url, ["FLUSHALL"], ["FT.CREATE", index, "ON", "HASH", ...shape]);
          const store = open({ port: stack.port });
          await store.replace(namespace, items, signal);
          expect(await idsFound(store)).toEqual(["near", "across", "opposite"]);
        }
      });
    });
  },
  { owned: true },
);

function query3(): Float32Array {
  return Float32Array.from([1, 0, 0]);
}

/** How often a server has run each command, by name in lower case; subcommands after a bar. */
async function commandsOf({ url }: TestServer): Promise<Record<string, number>> {
  const [stats] = await askRedis(url, ["INFO", "commandstats"]);
  const lines = [...String(stats).matchAll(/^cmdstat_(\S+?):calls=(\d+)/gm)];
  return Object.fromEntries(lines.map(([, name, calls]) => [name, Number(calls)]));
}
