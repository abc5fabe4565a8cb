/** Reports through real servers. */
import { setMaxListeners } from "node:events";
import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { createRecordingLogger } from "../../test/support/recording-logger.ts";
import {
  askRedis,
  describeWithServer,
  startBlackHole,
  startCluster,
  startServer,
  type TestServer,
} from "../../test/support/servers.ts";
import { type Schedule, systemSchedule } from "../util/schedule.ts";
import { StoreError } from "../util/store-error.ts";
import { stateOptions } from "./options.ts";
import { keysOf } from "./redis/script.ts";
import { redis } from "./redis.ts";
import type { HeardReport, ServerChannel } from "./state-channel.ts";

const { signal } = new AbortController();
setMaxListeners(0, signal);

const intervalMs = 20;
/** Of processes that wait for the silence of others. */
const quick = { pace: 5 };
/** The longest waits of such a process for a server, which a busy machine keeps. */
const patient = { connect_timeout: 5_000, send_timeout: 5_000, read_timeout: 5_000 };
const owner = "route:chat/ai-proxy-advanced"; // with characters that no key may have

const until = (holds: () => boolean | Promise<boolean>, timeout = 10_000) =>
  vi.waitUntil(holds, { timeout, interval: 10 });

interface Party {
  readonly channel: ServerChannel;
  readonly log: ReturnType<typeof createRecordingLogger>;
  /** Peer → its last report; `ended` where it is gone. */
  readonly heard: Map<string, HeardReport | "ended">;
  /** Of every report, in the order they came. */
  readonly numbers: readonly number[];
  tell(number: number, rows?: string, isUrgent?: boolean): void;
}

const parties: Party[] = [];
afterEach(async () => {
  await Promise.all(parties.splice(0).map(({ channel }) => channel.close()));
});

/** A process; its clock is ahead by so much, and goes so much faster than ours, as do its timers and deadlines. */
function open(peer: string, connection: object, { ahead = 0, of = owner, pace = 1 } = {}): Party {
  const log = createRecordingLogger();
  const options = stateOptions.parse({ strategy: "redis", interval: intervalMs, redis: connection });
  const now = () => pace * performance.now() + ahead;
  const schedule: Schedule = (delayMs, action) => systemSchedule(delayMs / pace, action);
  const channel = redis.create(of, options, { now, schedule, log });
  const heard = new Map<string, HeardReport | "ended">();
  const numbers: number[] = [];
  channel.open({
    heard: (about, report) => {
      expect(about).toBe(of);
      heard.set(report.peer, report);
      numbers.push(report.number);
    },
    gone: (_about, gone) => heard.set(gone, "ended"),
  });
  const party: Party = {
    channel,
    log,
    heard,
    numbers,
    tell: (number, rows = "{}", isUrgent = false) => channel.tell(of, { peer, number, rows }, isUrgent),
  };
  parties.push(party);
  return party;
}

const numberOf = ({ heard }: Party, peer: string) => {
  const report = heard.get(peer);
  return report === undefined || report === "ended" ? report : report.number;
};

describeWithServer(["redis", "valkey"], "shared state through a server", () => {
  let servers: readonly TestServer[];
  beforeAll(async () => {
    servers = await Promise.all([startServer("redis"), startServer("valkey")]);
  }, 30_000);
  afterAll(() => Promise.all(servers.map((server) => server.stop())));
  beforeEach(() => Promise.all(servers.map(({ url }) => askRedis(url, ["FLUSHALL"]))));

  const at = (name: string) => {
    const server = servers.find((each) => each.name === name);
    if (server === undefined) throw new Error(`no ${name}`);
    return server;
  };

  it.each(["redis", "valkey"])(
    "reaches the others on %s, with the difference of the clocks",
    async (name) => {
      const { host, port } = at(name);
      const a = open("a", { host, port }, { ahead: 5_000 });
      const b = open("b", { host, port });
      const elsewhere = open("c", { host, port }, { of: "another plugin" });
      a.tell(1, '{"x":[1]}');
      b.tell(1, '{"x":[2]}');
      await until(() => numberOf(b, "a") === 1 && numberOf(a, "b") === 1);
      a.tell(2, '{"x":[3]}', true);
      await until(() => numberOf(b, "a") === 2);
      const report = b.heard.get("a");
      expect(report).toMatchObject({ rows: '{"x":[3]}' });
      expect((report as HeardReport).clockOffsetMs).toBeGreaterThan(-5_000 - 2_000);
      expect((report as HeardReport).clockOffsetMs).toBeLessThan(-5_000 + 2_000);
      expect(elsewhere.heard.size).toBe(0);
      expect(a.channel.health()).toMatchObject({ state: "up", failures: 0, reason: undefined });
      expect(a.channel.health().place).toBe(`redis at ${host}:${port}`);
    },
  );

  it("tells one that comes later what it has missed, also of those that have ended", async () => {
    const { host, port } = at("redis");
    const a = open("a", { host, port });
    a.tell(7, '{"x":[1]}');
    await until(() => a.channel.health().writes === 1);
    await a.channel.close();
    const b = open("b", { ...patient, host, port }, quick);
    await until(() => numberOf(b, "a") === "ended");
    expect(b.numbers).toEqual([7]);
  });

  it("delivers the last report at its end", async () => {
    const { host, port } = at("redis");
    const [a, b] = [open("a", { host, port }), open("b", { host, port })];
    a.tell(1);
    await until(() => numberOf(b, "a") === 1);
    a.tell(2);
    await a.channel.close();
    await until(() => numberOf(b, "a") === 2);
  });

  it("says now and then that it lives, though it has nothing to tell", async () => {
    const { host, port } = at("redis");
    const a = open("a", { host, port });
    a.tell(1);
    await until(() => a.channel.health().writes >= 2, 5_000);
  });

  it("is told again when the server has lost everything", async () => {
    const { host, port, url } = at("redis");
    const [a, b] = [open("a", { host, port }), open("b", { host, port })];
    a.tell(1);
    b.tell(1);
    await until(() => numberOf(b, "a") === 1);
    await askRedis(url, ["FLUSHALL"]);
    a.tell(2);
    await until(() => numberOf(b, "a") === 2);
    const c = open("c", { host, port });
    await until(() => c.heard.size === 2);
  });

  it("keeps nothing for ever, and removes what is asked to be forgotten", async () => {
    const { host, port, url } = at("redis");
    const a = open("a", { host, port });
    a.tell(1);
    await until(() => a.channel.health().writes === 1);
    for (const key of keysOf(owner)) {
      const [ttl] = await askRedis(url, ["PTTL", key]);
      expect(Number(ttl)).toBeGreaterThan(3_500_000);
    }
    const [reports] = keysOf(owner);
    await askRedis(url, ["HSET", reports, "old", `${Date.now() - 3_700_000} 1 0 {}`]);
    await askRedis(url, ["ZADD", keysOf(owner)[1], "0", "old"]);
    a.tell(2, "{}", true);
    await until(async () => String((await askRedis(url, ["HKEYS", reports]))[0]) === "a");
    await a.channel.close();
    await open("b", { host, port }).channel.forget(signal);
    expect((await askRedis(url, ["KEYS", "*state*"]))[0]).toEqual([]);
  });

  it("takes no notice of what is not ours", async () => {
    const { host, port, url } = at("redis");
    const [reports, order, changes] = keysOf(owner);
    await askRedis(
      url,
      ["HSET", reports, "x", "what is this"],
      ["ZADD", order, "1", "x"],
      ["SET", changes, "1"],
    );
    const a = open("a", { host, port });
    a.tell(1);
    const b = open("b", { host, port });
    await until(() => numberOf(b, "a") === 1);
    expect([...b.heard.keys()]).toEqual(["a"]);
  });

  it("works with the rights that the guide names, and no others", async () => {
    const guide = readFileSync(new URL("../../docs/guide/balancing.md", import.meta.url), "utf8");
    const line = /^ACL SETUSER .*$/m.exec(guide)?.[0].split(" ") ?? [];
    expect(line.length).toBeGreaterThan(10);
    for (const { host, port, url } of servers) {
      await askRedis(url, line);
      const account = { host, port, username: "sluice", password: "password" };
      const [a, b] = [open("a", account), open("b", account)];
      a.tell(1);
      await until(() => numberOf(b, "a") === 1);
      await a.channel.forget(signal);
      expect(a.channel.health().failures).toBe(0);
    }
  });

  it("can be probed, and says what is wrong", async () => {
    const { host, port, url } = at("redis");
    const a = open("a", { host, port });
    a.tell(1);
    await until(() => a.channel.health().writes === 1);
    expect(await a.channel.probe(signal)).toEqual({ processes: "1" });
    await askRedis(url, ["ACL", "SETUSER", "reader", "on", ">pass", "~*", "+@read", "+@connection"]);
    const denied = open("b", { host, port, username: "reader", password: "pass" });
    const error: unknown = await denied.channel.probe(signal).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(StoreError);
    expect(error).toMatchObject({ kind: "denied" });
    expect(String(error)).toContain("permit the keys {sluice:state:1:*");
  });
});

describeWithServer(
  "redis",
  "shared state through a server that fails",
  () => {
    it("goes on after an outage, of which it tells once, and takes the others for ended meanwhile", async () => {
      const server = await startServer("redis");
      try {
        const at = { ...patient, host: server.host, port: server.port };
        const [a, b] = [open("a", at, quick), open("b", at, quick)];
        a.tell(1);
        b.tell(1);
        await until(() => numberOf(b, "a") === 1);
        await server.kill();
        await until(() => a.channel.health().state === "down");
        a.tell(2, "{}", true);
        await until(() => numberOf(b, "a") === "ended", 10_000);
        await server.restart({ empty: true });
        await until(() => numberOf(b, "a") === 2, 15_000);
        expect(a.channel.health()).toMatchObject({ state: "up", reason: undefined });
        const levels = a.log.lines.map(({ level, message }) => `${level} ${message}`);
        expect(levels).toEqual([
          "warn the server that shares state is away; this process goes on with what it knows itself",
          "info the server that shares state answers again",
        ]);
      } finally {
        await server.stop();
      }
    }, 40_000);

    it("never waits for one that does not answer: telling returns, closing ends", async () => {
      const hole = await startBlackHole();
      const a = open("a", { port: hole.port, connect_timeout: 100, send_timeout: 100, read_timeout: 100 });
      a.tell(1, "{}", true);
      await until(() => a.channel.health().state === "down");
      await a.channel.close();
      await hole.stop();
    });

    it("works in a cluster", async () => {
      const cluster = await startCluster();
      try {
        const nodes = { cluster_nodes: cluster.nodes.map(({ host: ip, port }) => ({ ip, port })) };
        const [a, b] = [open("a", nodes), open("b", nodes)];
        a.tell(1);
        await until(() => numberOf(b, "a") === 1, 10_000);
      } finally {
        await Promise.all(parties.splice(0).map(({ channel }) => channel.close()));
        await cluster.stop();
      }
    }, 40_000);
  },
  { owned: true },
);
