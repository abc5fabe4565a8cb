/** Wrong data under our names, on real servers: noticed when it is read or searched, and mended by a write. */
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { askRedis, describeWithServer, startServer, type TestServer } from "../../../test/support/servers.ts";
import { failureOf, idsFound, items, namespace, signal, useStores } from "./open.contract.ts";

const manifest = "{sluice:vectors:1}:manifest:owner:v1";
const versions = "{sluice:vectors:1}:versions:owner";
const item = (row: number) => `{sluice:vectors:1}:item:3:owner:v1:${row}`;
const whole = ["near", "across", "opposite"];

for (const name of ["redis", "redis-stack"] as const) {
  describeWithServer(
    name,
    `damaged data in ${name}`,
    () => {
      const open = useStores();
      let server: TestServer;

      beforeAll(async () => {
        server = await startServer(name);
      }, 30_000);
      afterAll(() => server.stop());
      beforeEach(async () => {
        await askRedis(server.url, ["FLUSHALL"]);
        await open({ port: server.port }).replace(namespace, items, signal);
      });

      const damage = (...commands: string[][]) => askRedis(server.url, ...commands);

      it.each([
        ["another type", [["SET", manifest, "x"]]],
        [
          "a list",
          [
            ["DEL", manifest],
            ["RPUSH", manifest, "x"],
          ],
        ],
        ["a field less", [["HDEL", manifest, "dimensions"]]],
        ["ids that are none", [["HSET", manifest, "ids", '["a",1]']]],
        ["ids that are not even JSON", [["HSET", manifest, "ids", "[a"]]],
        ["dimensions that are none", [["HSET", manifest, "dimensions", "-3"]]],
        ["dimensions beyond all numbers", [["HSET", manifest, "dimensions", "1e300"]]],
      ])("is corrupt to readers and searchers: a manifest with %s", async (_, commands) => {
        await damage(...commands);
        const store = open({ port: server.port });
        expect((await failureOf(store.read(namespace, signal))).kind).toBe("corrupt");
        const { kind, message } = await failureOf(idsFound(store));
        expect(kind).toBe("corrupt");
        expect(message).toMatch(/owner\/v1|WRONGTYPE/);
        await expectMended();
      });

      it.each([
        ["cut vectors", [["HSET", manifest, "vectors", "abc"]]],
        ["no vectors", [["HDEL", manifest, "vectors"]]],
        ["other ids", [["HSET", manifest, "ids", '["near","across","other"]']]],
        ["other dimensions", [["HSET", manifest, "dimensions", "1"]]],
        ["other numbers", [["HSET", manifest, "vectors", "x".repeat(36)]]],
      ])("is corrupt to readers: a manifest with %s", async (_, commands) => {
        await damage(...commands);
        const { kind, message } = await failureOf(open({ port: server.port }).read(namespace, signal));
        expect(kind).toBe("corrupt");
        expect(message).toContain('"owner/v1"');
        await expectMended();
      });

      it("is corrupt to whoever asks whether it is there: another type", async () => {
        await damage(["SET", manifest, "x"], ["SET", versions, "x"]);
        const store = open({ port: server.port });
        expect((await failureOf(store.has(namespace, signal))).kind).toBe("corrupt");
        expect((await failureOf(store.versions("owner", signal))).kind).toBe("corrupt");
        await expectMended();
        expect(await store.versions("owner", signal)).toEqual(["v1"]);
      });

      it("can be deleted: another type", async () => {
        await damage(["SET", manifest, "x"], ["SET", versions, "x"]);
        const store = open({ port: server.port });
        await store.delete(namespace, signal);
        expect(await store.has(namespace, signal)).toBe(false);
        expect(await store.versions("owner", signal)).toEqual([]);
      });

      it("tells no versions that are none of ours", async () => {
        await damage(["SADD", versions, "a b", "", "é"]);
        expect(await open({ port: server.port }).versions("owner", signal)).toEqual(["v1"]);
      });

      it("is corrupt to searchers: a search structure that lost vectors", async () => {
        const stores = [open({ port: server.port }), open({ port: server.port })];
        expect(await idsFound(stores[0] ?? open())).toEqual(whole);
        for (const commands of await lossesOf(server)) {
          await damage(...commands);
          for (const store of stores) {
            const { kind, message } = await failureOf(
              store.search(namespace, Float32Array.from([1, 0, 0]), 1, signal),
            );
            expect(kind).toBe("corrupt");
            expect(message).toMatch(/owner\/v1|WRONGTYPE/);
            expect(await store.read(namespace, signal)).toHaveLength(3);
          }
          await expectMended();
        }
      });

      async function expectMended(): Promise<void> {
        const store = open({ port: server.port });
        await store.replace(namespace, items, signal);
        expect(await idsFound(store)).toEqual(whole);
        expect((await store.read(namespace, signal))?.map(({ id }) => id)).toEqual(whole);
        expect(await store.has(namespace, signal)).toBe(true);
      }
    },
    { owned: true },
  );
}

/** Ways to lose vectors: each engine its own. */
async function lossesOf(server: TestServer): Promise<string[][][]> {
  if (server.name === "redis-stack") {
    return [
      [["DEL", item(1)]],
      // The engine leaves a vector of the wrong size out without a word.
      [["HSET", item(0), "vector", "short"]],
      [
        ["DEL", item(0)],
        ["SET", item(0), "x"],
      ],
      [["HSET", item(2), "namespace", "other"]],
      [["DEL", item(0), item(1), item(2)]],
    ];
  }
  const [keys] = await askRedis(server.url, ["KEYS", "{sluice:vectors:1}:set:*"]);
  const key = String(keys);
  return [
    [["VREM", key, "0"]],
    [["DEL", key]],
    [["SET", key, "owner/v1"]],
    [
      ["DEL", key],
      ["VADD", key, "VALUES", "3", "1", "0", "0", "7"],
      ["VADD", key, "VALUES", "3", "1", "0", "0", "8"],
      ["VADD", key, "VALUES", "3", "1", "0", "0", "9"],
    ],
  ];
}
