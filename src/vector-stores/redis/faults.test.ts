/** What becomes of calls when a real server is away, silent, busy or unwilling. */
import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { freePort } from "../../../test/support/free-port.ts";
import {
  askRedis,
  describeWithServer,
  startBlackHole,
  startServer,
  type TestServer,
} from "../../../test/support/servers.ts";
import { failureOf, idsFound, items, namespace, query, signal, useStores } from "./open.contract.ts";

const whole = ["near", "across", "opposite"];
const timeouts = (ms: number) => ({ connect_timeout: ms, send_timeout: ms, read_timeout: ms });

async function timed<Value>(call: Promise<Value>): Promise<{ value: Value; ms: number }> {
  const start = performance.now();
  return { value: await call, ms: performance.now() - start };
}

describe("a redis that is not there", () => {
  const open = useStores();

  it("is unreachable at once when nobody listens", async () => {
    const port = await freePort();
    const { value, ms } = await timed(failureOf(open({ port, ...timeouts(30_000) }).has(namespace, signal)));
    expect(value.kind).toBe("unreachable");
    expect(value.message).toContain(`redis at 127.0.0.1:${port} refuses connections`);
    expect(ms).toBeLessThan(15_000);
  });

  it("is unreachable when its name leads nowhere", async () => {
    const { kind, message } = await failureOf(open({ host: "nowhere.invalid" }).has(namespace, signal));
    expect(kind).toBe("unreachable");
    expect(message).toMatch(/nowhere\.invalid:6379.*(does not resolve)/);
  });

  it.each([{}, { password: "secret" }, { ssl: true }, { database: 2 }])(
    "is unreachable within the timeouts when it never answers (%j)",
    async (options) => {
      const hole = await startBlackHole();
      try {
        const store = open({ port: hole.port, ...timeouts(150), ...options });
        const { value, ms } = await timed(failureOf(store.has(namespace, signal)));
        expect(value.kind).toBe("unreachable");
        expect(value.message).toMatch(new RegExp(`127.0.0.1:${hole.port}.*within \\d+ ms`));
        expect(value.message).not.toContain("secret");
        expect(ms).toBeLessThan(15_000); // the default timeouts are said in its message
      } finally {
        await hole.stop();
      }
    },
  );

  it("lets a caller go while it connects, and connects once for all who wait", async () => {
    const hole = await startBlackHole();
    try {
      const store = open({ port: hole.port, password: "x", ...timeouts(300) });
      const controller = new AbortController();
      const leaving = failureOf(store.has(namespace, controller.signal));
      const staying = Array.from({ length: 20 }, () => failureOf(store.has(namespace, signal)));
      controller.abort();
      expect((await leaving).kind).toBe("aborted");
      for (const { kind } of await Promise.all(staying)) expect(kind).toBe("unreachable");
      expect(hole.connections()).toBe(1);
    } finally {
      await hole.stop();
    }
  });

  it("ends calls that wait when the store is closed", async () => {
    const hole = await startBlackHole();
    try {
      const store = open({ port: hole.port });
      const waiting = failureOf(store.has(namespace, signal));
      await expect.poll(() => hole.connections()).toBe(1);
      await store.close();
      expect((await waiting).kind).toBe("aborted");
    } finally {
      await hole.stop();
    }
  });

  it("leaves no listener on a caller's signal", async () => {
    const { signal } = new AbortController();
    const store = open({ port: await freePort() });
    await failureOf(store.has(namespace, signal));
    await failureOf(idsFound(store));
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("refuses more calls at once than pool and backlog take", async () => {
    const hole = await startBlackHole();
    try {
      const store = open({ port: hole.port, keepalive_pool_size: 2, keepalive_backlog: 1, ...timeouts(100) });
      const calls = Array.from({ length: 4 }, () => failureOf(store.has(namespace, signal)));
      const { message } = await (calls[3] ?? calls[0] ?? Promise.reject(new Error("no call")));
      expect(message).toContain("already has 3 calls under way (keepalive_pool_size + keepalive_backlog)");
      for (const { message } of await Promise.all(calls.slice(0, 3))) expect(message).toContain("within");
    } finally {
      await hole.stop();
    }
  });
});

describeWithServer(
  ["redis", "redis-stack"],
  "a redis that fails",
  () => {
    const open = useStores();
    let server: TestServer;

    afterEach(() => server.stop());

    describe.each(["redis", "redis-stack"] as const)("%s", (name) => {
      beforeEach(async () => {
        server = await startServer(name);
      }, 30_000);

      it("is found again after it was killed, with what it had", async () => {
        const store = open({ port: server.port, ...timeouts(1000) });
        await store.replace(namespace, items, signal);
        const during = Array.from({ length: 50 }, () => store.search(namespace, query, 3, signal));
        const killed = server.kill();
        for (const outcome of await Promise.allSettled(during)) {
          if (outcome.status === "rejected") expect(outcome.reason).toHaveProperty("kind", "unreachable");
          else expect(outcome.value).toHaveLength(3);
        }
        await killed;
        expect((await failureOf(idsFound(store))).kind).toBe("unreachable");
        await server.restart();
        expect(await idsFound(store)).toEqual(whole);
      }, 30_000);

      it("is filled again after it came back empty", async () => {
        const store = open({ port: server.port, ...timeouts(1000) });
        await store.replace(namespace, items, signal);
        expect(await idsFound(store)).toEqual(whole);
        await server.restart({ empty: true });
        expect(await store.has(namespace, signal)).toBe(false);
        expect(await idsFound(store)).toEqual([]);
        await store.replace(namespace, items, signal);
        expect(await idsFound(store)).toEqual(whole);
      }, 30_000);

      it("gives nobody the late answers of calls that have given up", async () => {
        const store = open({ port: server.port, ...timeouts(500) });
        await store.replace(namespace, items, signal);
        server.freeze();
        const { value, ms } = await timed(failureOf(idsFound(store)));
        expect(value.kind).toBe("unreachable");
        expect(value.message).toMatch(/gave no answer within 1000 ms/);
        expect(ms).toBeLessThan(10_000);
        const others = [
          store.has(namespace, signal),
          store.read(namespace, signal),
          store.versions("owner", signal),
        ];
        for (const call of others) expect((await failureOf(call)).kind).toBe("unreachable");
        server.thaw();
        await vi.waitFor(async () => expect(await idsFound(store)).toEqual(whole), 10_000);
        expect(await store.has(namespace, signal)).toBe(true);
        expect(await store.versions("owner", signal)).toEqual(["v1"]);
      }, 30_000);

      it("leaves the old vectors when it is away during a write", async () => {
        const store = open({ port: server.port, ...timeouts(150) });
        await store.replace(namespace, items, signal);
        server.freeze();
        const writing = failureOf(store.replace(namespace, items.slice(1), signal));
        expect((await writing).kind).toBe("unreachable");
        await server.restart();
        await vi.waitFor(
          async () => expect([whole, whole.slice(1)]).toContainEqual(await idsFound(store)),
          5000,
        );
      }, 30_000);
    });

    describe("on purpose", () => {
      beforeEach(async () => {
        server = await startServer("redis");
      }, 30_000);

      const fill = async () => {
        const store = open({ port: server.port, ...timeouts(1000) });
        await store.replace(namespace, items, signal);
        return store;
      };

      it("is denied when it is out of memory, and can still be read", async () => {
        const store = await fill();
        await askRedis(server.url, ["CONFIG", "SET", "maxmemory", "1"]);
        const { kind, message } = await failureOf(store.replace(namespace, items, signal));
        expect(kind).toBe("denied");
        expect(message).toMatch(/out of memory: raise its maxmemory/);
        expect(await idsFound(store)).toEqual(whole);
      });

      it("is unreachable for writes when it is a replica", async () => {
        const store = await fill();
        await askRedis(server.url, ["REPLICAOF", "127.0.0.1", "1"]);
        const { kind, message } = await failureOf(store.replace(namespace, items, signal));
        expect(kind).toBe("unreachable");
        expect(message).toMatch(/is a replica and takes no writes: point host at the master/);
        expect(await idsFound(store)).toEqual(whole);
        await askRedis(server.url, ["REPLICAOF", "NO", "ONE"]);
        await store.replace(namespace, items, signal);
      });

      it("is unreachable for writes when it has too few replicas", async () => {
        const store = await fill();
        await askRedis(server.url, ["CONFIG", "SET", "min-replicas-to-write", "1"]);
        const { kind, message } = await failureOf(store.replace(namespace, items, signal));
        expect(kind).toBe("unreachable");
        expect(message).toContain("too few replicas");
      });

      it("is unreachable while it loads its data", async () => {
        await server.stop();
        // Redis answers between every thousand commands it loads.
        server = await startServer("redis", { args: ["--key-load-delay", "300"] });
        const store = await fill();
        await askRedis(server.url, ["EVAL", "for i = 1, 5000 do redis.call('SET', 'x' .. i, '1') end", "0"]);
        const restarting = server.restart();
        await vi.waitFor(async () => {
          const { kind, message } = await failureOf(idsFound(store));
          expect(kind).toBe("unreachable");
          expect(message).toContain("is loading its data");
        }, 10_000);
        await restarting;
        expect(await idsFound(store)).toEqual(whole);
      }, 30_000);

      it("is used again after it has ended all connections, without a failure", async () => {
        const store = await fill();
        for (let i = 0; i < 3; i++) {
          await askRedis(server.url, ["CLIENT", "KILL", "TYPE", "normal"]);
          expect(await idsFound(store)).toEqual(whole);
        }
      });

      it("takes no more clients than it may", async () => {
        const store = await fill();
        await askRedis(server.url, ["CONFIG", "SET", "maxclients", "1"]);
        const { kind } = await failureOf(
          open({ port: server.port, ...timeouts(500) }).has(namespace, signal),
        );
        expect(kind).toBe("unreachable");
        expect(await store.has(namespace, signal)).toBe(true);
      });
    });
  },
  { owned: true },
);
