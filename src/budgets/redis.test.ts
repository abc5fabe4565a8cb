/** Counters through real servers: several processes, outages, and the very decisions that memory makes. */

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { createRecordingLogger } from "../../test/support/recording-logger.ts";
import {
  askRedis,
  describeWithServer,
  startBlackHole,
  startCluster,
  startServer,
  type TestServer,
} from "../../test/support/servers.ts";
import { redisOptions } from "../redis/options.ts";
import { settingsOf } from "../redis/settings.ts";
import { createIdSource } from "../util/ids.ts";
import { systemSchedule } from "../util/schedule.ts";
import { StoreError } from "../util/store-error.ts";
import { askFor, claimOf, describeCounters, newCounter } from "./counters.contract.ts";
import type { Ask, Counters } from "./counters.ts";
import { Counts } from "./counts.ts";
import { budgetPrefix, redisKeyOf } from "./redis/script.ts";
import { redisCounters } from "./redis.ts";

const namespace = "tests";
const newId = createIdSource();
const { signal } = new AbortController();
const until = (holds: () => boolean | Promise<boolean>, timeout = 10_000) =>
  vi.waitUntil(holds, { timeout, interval: 5 });

interface Party {
  readonly counters: Counters;
  readonly log: ReturnType<typeof createRecordingLogger>;
}

const parties: Party[] = [];
afterEach(async () => {
  await Promise.all(parties.splice(0).map(({ counters }) => counters.close()));
});

async function open(connection: object, { syncMs = 0, waitMs = 2_000 } = {}): Promise<Party> {
  const log = createRecordingLogger();
  const settings = settingsOf(redisOptions.parse(connection), budgetPrefix);
  const counters = redisCounters(
    { namespace, settings, syncMs, waitMs },
    {
      now: () => performance.now(),
      wallClock: () => Date.now(),
      schedule: systemSchedule,
      log,
      peer: newId(),
    },
  );
  const party = { counters, log };
  parties.push(party);
  await counters.start?.();
  return party;
}

const usedBy = async ({ counters }: Party, ask: Ask) =>
  (
    await counters.reserve({
      ...ask,
      claims: ask.claims.map((claim) => ({ ...claim, amount: 0, limit: 1e15 })),
    })
  ).states[0]?.used;

describeWithServer(["redis", "valkey"], "budget counters", () => {
  const servers: TestServer[] = [];
  beforeAll(async () => {
    for (const name of ["redis", "valkey"] as const) servers.push(await startServer(name));
  });
  afterAll(() => Promise.all(servers.map((server) => server.stop())));
  const at = (which: 0 | 1 = 0) => {
    const { host = "", port = 0, url = "" } = servers[which] ?? {};
    return { host, port, url };
  };
  const connection = (which: 0 | 1 = 0) => ({ host: at(which).host, port: at(which).port });

  describeCounters("redis", async () => (await open(connection(0))).counters);
  describeCounters("valkey", async () => (await open(connection(1))).counters);

  it("decides as memory does, on random runs by the server's clock", async () => {
    const { counters } = await open(connection());
    const decided = new Set<string>();
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            amount: fc.nat(40),
            limits: fc.tuple(fc.nat(100), fc.nat(100), fc.nat(100)),
            isPenalty: fc.boolean(),
            isWhole: fc.boolean(),
            back: fc.integer({ min: -20, max: 40 }),
            pauseMs: fc.nat(15),
          }),
          { maxLength: 25 },
        ),
        async (steps) => {
          const shapes = [
            newCounter({ sizeMs: 60, isSliding: true }),
            newCounter({ sizeMs: 40 }),
            newCounter({ sizeMs: 100, isSliding: true }),
          ] as const;
          const hands = newCounter();
          const counts = new Counts();
          for (const { amount, back, isPenalty, isWhole, limits, pauseMs } of steps) {
            const ask: Ask = {
              claims: [
                ...shapes.map((counter, which) =>
                  claimOf(counter, (limits[which] ?? 0) + 1, amount, {
                    isPenalty: isPenalty && which === 0,
                    needs: isWhole ? Math.max(1, amount) : 1,
                  }),
                ),
                claimOf(hands, 1, 0),
              ],
              required: [0, 3],
              alternatives: [[1], [2]],
            };
            const made = await counters.reserve(ask);
            // The server's clock, as far as the decision tells it: when a window ends that is never full.
            const [state, , , hand] = made.states;
            if (state === undefined || hand === undefined) throw new Error("a state is missing");
            const clock = (hand.window + 1) * hands.sizeMs - hand.resetAfterMs;
            decided.add(`${made.isGranted} ${made.hasRoom}`);
            expect(made).toEqual(counts.reserve(ask, clock, false));
            const change = { counter: shapes[0], window: state.window, by: -back };
            counters.change([change]);
            counts.change([change], clock);
            await new Promise((resolve) => setTimeout(resolve, pauseMs));
          }
        },
      ),
      { numRuns: 25 },
    );
    // All that can be decided was.
    expect(decided.size).toBeGreaterThanOrEqual(6);
  }, 60_000);

  it("counts what several gateways reserve at once, to the unit", async () => {
    const all = await Promise.all([open(connection()), open(connection()), open(connection())]);
    const counter = newCounter({ isSliding: true });
    const ask = askFor(claimOf(counter, 1_000, 10));
    let granted = 0;
    await Promise.all(
      Array.from({ length: 300 }, async (_, at) => {
        const { counters } = all[at % 3] as Party;
        const decision = await counters.reserve(ask);
        if (!decision.isGranted) return;
        granted++;
        // Half of what was expected.
        counters.change([{ counter, window: decision.states[0]?.window, by: -5 }]);
      }),
    );
    // At least what is surely free, and no more than what half of the expectation allows.
    expect(granted).toBeGreaterThanOrEqual(100);
    expect(granted).toBeLessThanOrEqual(200);
    await until(async () => (await usedBy(all[0] as Party, ask)) === granted * 5);
  });

  it("keeps the counts of a process that has ended, its requests under way as they were expected", async () => {
    const [dead, other] = [await open(connection()), await open(connection())];
    const counter = newCounter();
    const ask = askFor(claimOf(counter, 100, 30));
    const first = await dead.counters.reserve(ask);
    dead.counters.change([{ counter, window: first.states[0]?.window, by: -20 }]);
    await dead.counters.reserve(ask);
    await dead.counters.close();
    expect(await usedBy(other, ask)).toBe(40);
  });

  it("leaves the counts of those that end in one entry", async () => {
    const ask = askFor(claimOf(newCounter({ isSliding: true }), 1_000, 10));
    for (let at = 0; at < 3; at++) {
      const party = await open(connection());
      const { states } = await party.counters.reserve(ask);
      const [claim] = ask.claims;
      if (claim !== undefined)
        party.counters.change([{ counter: claim.counter, window: states[0]?.window, by: -3 }]);
      await party.counters.close();
      await party.counters.close();
    }
    const key = redisKeyOf(namespace, ask.claims[0]?.counter.key ?? "");
    expect(Number((await askRedis(at().url, ["HLEN", key]))[0])).toBe(1);
    expect(await usedBy(await open(connection()), ask)).toBe(21);
  });

  it("removes what counts no more, and keeps nothing for ever", async () => {
    const [old, party] = [await open(connection()), await open(connection())];
    const counter = newCounter({ sizeMs: 50 });
    await old.counters.reserve(askFor(claimOf(counter, 9, 1)));
    await new Promise((resolve) => setTimeout(resolve, 150));
    await party.counters.reserve(askFor(claimOf(counter, 9, 1)));
    const key = redisKeyOf(namespace, counter.key);
    const [entries, ttl] = await askRedis(at().url, ["HLEN", key], ["PTTL", key]);
    expect(Number(entries)).toBe(1);
    expect(Number(ttl)).toBeGreaterThan(55_000);
  });

  it("tells the server again what it has lost", async () => {
    const [a, b] = [await open(connection()), await open(connection())];
    const counter = newCounter();
    const ask = askFor(claimOf(counter, 100, 10));
    await a.counters.reserve(ask);
    await askRedis(at().url, ["FLUSHALL"], ["SCRIPT", "FLUSH"]);
    await a.counters.reserve(ask);
    expect(await usedBy(b, ask)).toBe(20);
  });

  it("with a rate, decides at once by what it heard last, and exchanges counts at that rate", async () => {
    const [a, b] = [await open(connection(), { syncMs: 30 }), await open(connection(), { syncMs: 30 })];
    const counter = newCounter();
    const ask = askFor(claimOf(counter, 20, 10));
    const first = a.counters.reserve(ask);
    expect(first).not.toBeInstanceOf(Promise);
    await b.counters.reserve(ask);
    await until(async () => (await usedBy(a, ask)) === 20 && (await usedBy(b, ask)) === 20);
    expect((await b.counters.reserve(ask)).isGranted).toBe(false);
  });

  it("works with the rights that the guide names, and no others", async () => {
    const guide = readFileSync(new URL("../../docs/guide/budgets.md", import.meta.url), "utf8");
    const line = /^ACL SETUSER .*$/m.exec(guide)?.[0].split(" ") ?? [];
    expect(line.length).toBeGreaterThan(8);
    for (const which of [0, 1] as const) {
      await askRedis(at(which).url, line);
      const party = await open({ ...connection(which), username: "sluice", password: "password" });
      const decision = await party.counters.reserve(askFor(claimOf(newCounter(), 9, 1)));
      expect(decision).toMatchObject({ isGranted: true, isLocal: false });
      expect(await party.counters.probe?.(signal)).toEqual({ counters: "1" });
      expect(party.counters.health?.()).toMatchObject({ failures: 0, state: "up" });
    }
  });

  it("can be probed, and says what is wrong", async () => {
    await askRedis(at().url, ["ACL", "SETUSER", "reader", "on", ">pass", "~*", "+@read", "+@connection"]);
    const denied = await open({ ...connection(), username: "reader", password: "pass" });
    const error: unknown = await denied.counters.probe?.(signal).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(StoreError);
    expect(error).toMatchObject({ kind: "denied" });
    expect((await denied.counters.reserve(askFor(claimOf(newCounter(), 9, 1)))).isLocal).toBe(true);
  });

  it("works through what has no pipelines of ours: one call carries many requests", async () => {
    const party = await open(connection());
    const before = party.counters.health?.().writes ?? 0;
    const counter = newCounter();
    await Promise.all(
      Array.from({ length: 130 }, () => party.counters.reserve(askFor(claimOf(counter, 1e9, 1)))),
    );
    expect((party.counters.health?.().writes ?? 0) - before).toBeLessThanOrEqual(4);
    expect(await usedBy(party, askFor(claimOf(counter, 1, 1)))).toBe(130);
  });
});

describeWithServer(
  "redis",
  "budget counters of a server that fails",
  () => {
    it("go on here, say so once, and are added once when it is back", async () => {
      const server = await startServer("redis");
      try {
        const connection = { host: server.host, port: server.port };
        const [a, b] = [await open(connection), await open(connection)];
        const counter = newCounter();
        const ask = askFor(claimOf(counter, 100, 10));
        await a.counters.reserve(ask);
        await b.counters.reserve(ask);
        const running = await a.counters.reserve(ask);
        await server.kill();
        // By what was known last: 30 of all.
        const decision = await a.counters.reserve(ask);
        expect(decision).toMatchObject({ isGranted: true, isLocal: true });
        expect(decision.states[0]?.used).toBe(30);
        expect((await b.counters.reserve(ask)).isLocal).toBe(true);
        a.counters.change([{ counter, window: running.states[0]?.window, by: -4 }]);
        expect(a.counters.health?.()).toMatchObject({ state: "down" });
        await server.restart({ empty: true });
        await until(() => [a, b].every(({ counters }) => counters.health?.().state === "up"), 20_000);
        // a: 10 + 6 + 10, b: 10 + 10.
        await until(async () => (await usedBy(a, ask)) === 46);
        const c = await open(connection);
        expect(await usedBy(c, ask)).toBe(46);
        const levels = a.log.lines.map(({ level, message }) => `${level} ${message}`);
        expect(levels).toEqual([
          "warn the server that counts budgets is away; each gateway counts for itself, and adds that to the server's counts when it is back",
          "info the server that counts budgets answers again",
        ]);
      } finally {
        await server.stop();
      }
    }, 40_000);

    it("keep no request waiting longer than they may, nor a start", async () => {
      const hole = await startBlackHole();
      const startedAt = performance.now();
      const party = await open({ port: hole.port }, { waitMs: 50 });
      expect(performance.now() - startedAt).toBeLessThan(5_000);
      const askedAt = performance.now();
      const ask = askFor(claimOf(newCounter(), 10, 10));
      expect(await party.counters.reserve(ask)).toMatchObject({ isGranted: true, isLocal: true });
      expect(await party.counters.reserve(ask)).toMatchObject({ isGranted: false, isLocal: true });
      expect(performance.now() - askedAt).toBeLessThan(2_000); // the server's own timeouts are 6 s
      await party.counters.close();
      await hole.stop();
    });

    it("count a decision once that came too late", async () => {
      const server = await startServer("redis");
      try {
        const connection = { host: server.host, port: server.port };
        const [a, b] = [await open(connection, { waitMs: 30 }), await open(connection)];
        const counter = newCounter();
        const ask = askFor(claimOf(counter, 100, 10));
        await a.counters.reserve(ask);
        await askRedis(server.url, ["CLIENT", "PAUSE", "1500", "ALL"]);
        expect(await a.counters.reserve(ask)).toMatchObject({ isLocal: true });
        await until(async () => (await usedBy(b, ask)) === 20);
        await new Promise((resolve) => setTimeout(resolve, 100));
        expect(await usedBy(b, ask)).toBe(20);
      } finally {
        await server.stop();
      }
    }, 20_000);

    it("work in a cluster", async () => {
      const cluster = await startCluster();
      try {
        const nodes = { cluster_nodes: cluster.nodes.map(({ host: ip, port }) => ({ ip, port })) };
        const [a, b] = [await open(nodes), await open(nodes)];
        const ask = askFor(claimOf(newCounter(), 20, 10), claimOf(newCounter(), 20, 10));
        await until(async () => !(await a.counters.reserve(ask)).isLocal);
        expect((await usedBy(b, ask)) ?? 0).toBeGreaterThanOrEqual(10);
      } finally {
        await Promise.all(parties.splice(0).map(({ counters }) => counters.close()));
        await cluster.stop();
      }
    }, 40_000);
  },
  { owned: true },
);
