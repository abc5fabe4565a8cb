/** Sentinels and clusters of real servers. */
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { freePort } from "../../../test/support/free-port.ts";
import {
  askRedis,
  describeWithServer,
  type ServerCluster,
  type ServerSentinels,
  startCluster,
  startSentinels,
  startServer,
} from "../../../test/support/servers.ts";
import { failureOf, idsFound, items, namespace, signal, useStores } from "./open.contract.ts";

const whole = ["near", "across", "opposite"];
const fast = { connect_timeout: 1000, send_timeout: 500, read_timeout: 500 };

describeWithServer(
  "redis",
  "redis behind sentinels",
  () => {
    const open = useStores();
    let group: ServerSentinels;

    beforeAll(async () => {
      group = await startSentinels({ password: "p1", sentinelPassword: "p2" });
    }, 60_000);
    afterAll(() => group.stop());

    const options = (changes: object = {}) => ({
      ...fast,
      password: "p1",
      sentinel_master: group.masterName,
      sentinel_role: "any",
      sentinel_nodes: group.sentinels.map(({ host, port }) => ({ host, port })),
      sentinel_password: "p2",
      ...changes,
    });

    it("says that a sentinel refuses, or knows no such master", async () => {
      const refused = await failureOf(open(options({ sentinel_password: "wrong" })).has(namespace, signal));
      expect(refused.kind).toBe("denied");
      expect(refused.message).toMatch(
        /master "mymaster" of the sentinels at .*sentinel 127\.0\.0\.1:\d+ refuses/,
      );
      const unknown = await failureOf(open(options({ sentinel_master: "other" })).has(namespace, signal));
      expect(unknown.kind).toBe("unfit");
      expect(unknown.message).toContain('knows no master "other": check sentinel_master');
    });

    it("is unreachable when no sentinel answers", async () => {
      const sentinel_nodes = [{ port: await freePort() }, { port: await freePort() }];
      const { kind, message } = await failureOf(open(options({ sentinel_nodes })).has(namespace, signal));
      expect(kind).toBe("unreachable");
      for (const { port } of sentinel_nodes) expect(message).toContain(`127.0.0.1:${port}`);
    });

    it("needs only one sentinel", async () => {
      const [first] = options().sentinel_nodes;
      const sentinel_nodes = [{ port: await freePort() }, first, { port: await freePort() }];
      expect(await open(options({ sentinel_nodes })).has(namespace, signal)).toBe(false);
    });

    // Last, for it changes who is master.
    it("follows the master when it fails", async () => {
      const store = open(options());
      await store.replace(namespace, items, signal);
      await vi.waitFor(async () => {
        const [size] = await askRedis(group.replica.url, ["DBSIZE"]);
        expect(size).toBeGreaterThan(0);
      }, 10_000);
      await group.master.kill();
      expect((await failureOf(store.replace(namespace, items, signal))).kind).toBe("unreachable");
      await vi.waitFor(() => store.replace(namespace, items.slice(1), signal), {
        timeout: 15_000,
        interval: 100,
      });
      expect(await idsFound(store)).toEqual(whole.slice(1));
      expect((await askRedis(group.replica.url, ["ROLE"]))[0]).toEqual(expect.arrayContaining(["master"]));
      // The old master comes back as a replica; nothing is written there.
      await group.master.restart();
      await store.replace(namespace, items, signal);
      expect(await idsFound(open(options()))).toEqual(whole);
    }, 40_000);
  },
  { owned: true },
);

describeWithServer(
  "redis",
  "a cluster of redis",
  () => {
    const open = useStores();
    let cluster: ServerCluster;

    beforeAll(async () => {
      cluster = await startCluster();
    }, 60_000);
    afterAll(() => cluster.stop());

    const nodes = () => cluster.nodes.map(({ host, port }) => ({ ip: host, port }));

    it("finds the owner of our keys from any node", async () => {
      for (const node of nodes()) {
        const store = open({ ...fast, cluster_nodes: [node] });
        await store.replace(namespace, items, signal);
        expect(await idsFound(store)).toEqual(whole);
        expect(await store.versions("owner", signal)).toEqual(["v1"]);
        expect((await store.read(namespace, signal))?.length).toBe(3);
        await store.delete(namespace, signal);
        expect(await store.has(namespace, signal)).toBe(false);
      }
    });

    it("answers many who begin at once", async () => {
      for (const node of nodes()) {
        const store = open({ ...fast, cluster_nodes: [node] });
        const answers = await Promise.all(
          Array.from({ length: 50 }, (_, i) =>
            i % 2 === 0 ? store.has(namespace, signal) : idsFound(store),
          ),
        );
        expect(answers.filter((answer) => answer !== false && (answer as string[]).length > 0)).toEqual([]);
      }
    });

    it("passes over nodes that are away", async () => {
      const away = { port: await freePort() };
      const store = open({ ...fast, cluster_nodes: [away, ...nodes()] });
      await store.replace(namespace, items, signal);
      expect(await idsFound(store)).toEqual(whole);
      const { kind, message } = await failureOf(
        open({ ...fast, cluster_nodes: [away] }).has(namespace, signal),
      );
      expect(kind).toBe("unreachable");
      expect(message).toContain(`127.0.0.1:${away.port} refuses connections`);
    });

    it("follows no more redirections than allowed", async () => {
      const results = await Promise.all(
        nodes().map((node) =>
          open({ ...fast, cluster_nodes: [node], cluster_max_redirections: 0 })
            .has(namespace, signal)
            .then(
              () => "owner",
              (error: Error) => error.message,
            ),
        ),
      );
      expect(results.filter((result) => result === "owner")).toHaveLength(1);
      expect(
        results.filter((result) => /more than 0 times \(cluster_max_redirections\)/.test(result)),
      ).toHaveLength(2);
    });

    it("says that a single address is a node of a cluster", async () => {
      const messages = await Promise.all(
        nodes().map(({ port }) =>
          open({ ...fast, port })
            .has(namespace, signal)
            .then(
              () => "owner",
              (error: Error) => error.message,
            ),
        ),
      );
      expect(
        messages.filter((message) => /is a node of a cluster: set cluster_nodes/.test(message)),
      ).toHaveLength(2);
    });

    it("waits for our slot while it is moved, and follows it", async () => {
      const store = open({ ...fast, cluster_nodes: nodes() });
      await store.delete(namespace, signal);
      const [slot] = await askRedis(cluster.nodes[0]?.url ?? "", [
        "CLUSTER",
        "KEYSLOT",
        "{sluice:vectors:1}:x",
      ]);
      const [ranges] = await askRedis(cluster.nodes[0]?.url ?? "", ["CLUSTER", "SLOTS"]);
      const owners = (ranges as [number, number, [string, number, string]][]).map(
        ([first, last, [, port, id]]) => ({
          isOurs: first <= Number(slot) && Number(slot) <= last,
          id,
          url: `redis://127.0.0.1:${port}`,
        }),
      );
      const [from, to] = [owners.find(({ isOurs }) => isOurs), owners.find(({ isOurs }) => !isOurs)];
      if (from === undefined || to === undefined) throw new Error("the cluster does not know our slot");
      const assign = (...words: string[]) => ["CLUSTER", "SETSLOT", String(slot), ...words];
      await askRedis(to.url, assign("IMPORTING", from.id));
      await askRedis(from.url, assign("MIGRATING", to.id));
      const limited = open({
        cluster_nodes: nodes(),
        connect_timeout: 500,
        send_timeout: 500,
        read_timeout: 500,
      });
      const { kind, message } = await failureOf(limited.replace(namespace, items, signal));
      expect(kind).toBe("unreachable");
      expect(message).toContain("while waiting for a slot of the cluster to arrive");
      const writing = store.replace(namespace, items, signal);
      for (const { url } of cluster.nodes) await askRedis(url, assign("NODE", to.id));
      await writing;
      expect(await idsFound(store)).toEqual(whole);
      expect(await askRedis(from.url, ["CLUSTER", "COUNTKEYSINSLOT", String(slot)])).toEqual([0]);
      expect(await idsFound(open({ ...fast, cluster_nodes: nodes() }))).toEqual(whole);
    });

    // Last, for nobody takes the place of the one that is killed.
    it("is unreachable when the owner of our keys is gone", async () => {
      const store = open({ ...fast, cluster_nodes: nodes() });
      await store.replace(namespace, items, signal);
      const owner = await Promise.all(
        cluster.nodes.map(async (node) => [node, Number((await askRedis(node.url, ["DBSIZE"]))[0])] as const),
      );
      const [node] = owner.find(([, size]) => size > 0) ?? [];
      await node?.kill();
      expect((await failureOf(idsFound(store))).kind).toBe("unreachable");
      await node?.restart();
      await vi.waitFor(async () => expect(await idsFound(store)).toEqual(whole), 10_000);
    }, 30_000);
  },
  { owned: true },
);

describeWithServer(
  "redis-stack",
  "a cluster of Redis Stack",
  () => {
    const open = useStores();

    it("searches there too, where the name of an index is a key", async () => {
      const server = await startServer("redis-stack", { args: ["--cluster-enabled", "yes"] });
      try {
        await askRedis(server.url, ["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
        await vi.waitFor(async () => {
          expect(String(await askRedis(server.url, ["CLUSTER", "INFO"]))).toContain("cluster_state:ok");
        }, 10_000);
        const store = open({ ...fast, cluster_nodes: [{ port: server.port }] });
        await store.replace(namespace, items, signal);
        expect(await idsFound(store)).toEqual(whole);
        expect((await store.inspect(signal)).engine).toContain("RediSearch");
        const slots = new Set<unknown>();
        for (const key of ["{sluice:vectors:1}:index:3", "{sluice:vectors:1}:manifest:owner:v1"])
          slots.add((await askRedis(server.url, ["CLUSTER", "KEYSLOT", key]))[0]);
        expect(slots.size).toBe(1);
      } finally {
        await server.stop();
      }
    }, 30_000);
  },
  { owned: true },
);
