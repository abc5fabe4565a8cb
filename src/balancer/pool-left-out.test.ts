/** Targets that are left out, or only used last: an open breaker, a vendor's Retry-After, a failed health check. */
import { beforeEach, describe, expect, it } from "vitest";
import { createBalanceRequest, createTargets, createTrialRequest } from "../../test/support/balancing.ts";
import {
  attempt,
  bad,
  createPoolBench,
  fail,
  failTimeoutMs,
  good,
  left,
  limited,
  type PoolBench,
  statesOf,
  taken,
} from "../../test/support/target-pool.ts";
import type { Balancer } from "./balancer.ts";
import { longestCoolMs } from "./target-health.ts";

let bench: PoolBench;

beforeEach(() => {
  bench = createPoolBench();
});

describe("a target whose breaker is open", () => {
  const targets = createTargets([{}, {}]);

  it("is left out until fail_timeout has passed, and tells how long that is", async () => {
    const pool = bench.createPool(targets);
    fail(pool, targets);
    await bench.clock.advance(4_000);
    expect(statesOf(pool)).toEqual(["open", "closed"]);
    expect(pool.status()[0]).toMatchObject({ failures: 2, retryInMs: 6_000, attempts: 2, failed: 2 });
    const attempts = pool.open(targets, createBalanceRequest());
    expect(taken(attempts).target.index).toBe(1);
    expect(attempts.next()).toBeUndefined();
    expect(attempts.retryInMs).toBe(6_000);
  });

  it("is not chosen by a preview either, which names the wait where none is left, and begins no probe", async () => {
    const pool = bench.createPool(targets);
    fail(pool, targets);
    const request = createTrialRequest();
    expect(pool.preview(targets, request)).toMatchObject({ target: targets[1] });
    expect(pool.preview(targets.slice(0, 1), request)).toEqual({
      target: undefined,
      retryInMs: failTimeoutMs,
    });
    await bench.clock.advance(failTimeoutMs);
    for (let time = 0; time < 2; time++)
      expect(pool.preview(targets, request)).toEqual({ target: targets[0], retryInMs: undefined });
    expect(statesOf(pool)).toEqual(["half-open", "closed"]);
    expect(pool.status()[0]).toMatchObject({ inFlight: 0, attempts: 2 });
    expect(attempt(pool, targets, good)).toBe(0);
  });

  it("names the shortest wait where all are left out", async () => {
    const pool = bench.createPool(targets);
    fail(pool, targets.slice(0, 1));
    await bench.clock.advance(3_000);
    fail(pool, targets.slice(1));
    const attempts = pool.open(targets, createBalanceRequest());
    expect(attempts.next()).toBeUndefined();
    expect(attempts.retryInMs).toBe(7_000);
    expect(bench.asked.every((candidates) => candidates.length > 0)).toBe(true);
  });

  it("gets one probe, however long that lasts, and others stay out meanwhile", async () => {
    const pool = bench.createPool(targets);
    fail(pool, targets);
    await bench.clock.advance(failTimeoutMs);
    const probe = taken(pool.open(targets, createBalanceRequest()));
    expect(probe.target.index).toBe(0);
    await bench.clock.advance(3_600_000);
    expect(attempt(pool, targets, good)).toBe(1);
    const attempts = pool.open(targets.slice(0, 1), createBalanceRequest());
    expect(attempts.next()).toBeUndefined();
    expect(attempts.retryInMs).toBe(1_000);
    probe.end(good);
    expect(attempt(pool, targets, good)).toBe(0);
    expect(statesOf(pool)).toEqual(["closed", "closed"]);
  });

  it("gives the probe of a client that left to the next request", async () => {
    const pool = bench.createPool(targets);
    fail(pool, targets);
    await bench.clock.advance(failTimeoutMs);
    expect(attempt(pool, targets, left)).toBe(0);
    expect(statesOf(pool)[0]).toBe("half-open");
    expect(attempt(pool, targets, bad)).toBe(0);
    expect(statesOf(pool)[0]).toBe("open");
  });

  it("is probed by nobody while the algorithm prefers another", async () => {
    const pool = bench.createPool(targets, {
      balancer: { ...bench.firstOf(), pick: (candidates) => candidates.at(-1) },
    });
    fail(pool, targets.slice(0, 1));
    await bench.clock.advance(failTimeoutMs);
    expect(attempt(pool, targets, good)).toBe(1);
    expect(statesOf(pool)[0]).toBe("half-open");
    expect(attempt(pool, targets.slice(0, 1), good)).toBe(0);
    expect(statesOf(pool)[0]).toBe("closed");
  });

  it("says once that it is left out, and once that it is back", async () => {
    const pool = bench.createPool(targets);
    fail(pool, targets);
    await bench.clock.advance(failTimeoutMs);
    attempt(pool, targets, bad);
    await bench.clock.advance(failTimeoutMs);
    attempt(pool, targets, good);
    expect(bench.log.lines.map(({ level, facts }) => [level, facts["target"]])).toEqual([
      ["warn", "fake/m0"],
      ["info", "fake/m0"],
    ]);
  });

  it("was never opened by clients that left, by 404s, or by statuses that are not listed", () => {
    const pool = bench.createPool(targets);
    for (let count = 0; count < 10; count++) {
      attempt(pool, targets, left);
      attempt(pool, targets, { ok: false, failure: "http_404", latencyMs: 1 });
      attempt(pool, targets, { ok: false, failure: "http_503", latencyMs: 1 });
    }
    expect(pool.status()[0]).toMatchObject({ breaker: "closed", failures: 0, attempts: 30, failed: 20 });
  });

  it("does not exist with max_fails 0", () => {
    const pool = bench.createPool(targets, { options: { maxFails: 0 } });
    for (let count = 0; count < 50; count++) expect(attempt(pool, targets, bad)).toBe(0);
    expect(statesOf(pool)).toEqual(["off", "off"]);
  });
});

describe("a target that asked to be left alone", () => {
  const targets = createTargets([{}, {}]);

  it("is left alone for as long, while another is left", async () => {
    const pool = bench.createPool(targets);
    expect(attempt(pool, targets, limited)).toBe(0);
    expect(pool.status()[0]).toMatchObject({ breaker: "closed", retryInMs: 30_000 });
    await bench.clock.advance(29_999);
    expect(attempt(pool, targets, good)).toBe(1);
    await bench.clock.advance(1);
    expect(attempt(pool, targets, good)).toBe(0);
  });

  it("is tried all the same where nothing else is left", () => {
    const pool = bench.createPool(targets);
    attempt(pool, targets, limited);
    const attempts = pool.open(targets, createBalanceRequest());
    expect([taken(attempts), taken(attempts)].map(({ target }) => target.index)).toEqual([1, 0]);
  });

  it("is tried where the algorithm finds no other that fits, whose words on the others do not stay", () => {
    const decision = { reason: "matched", groups: [] } as const;
    const request = createBalanceRequest();
    request.decision = decision;
    const onlyFirst: Balancer = {
      pick(candidates, asking) {
        const first = candidates.find(({ index }) => index === 0);
        if (first === undefined) asking.decision = { reason: "no_match", groups: [] };
        return first;
      },
    };
    const pool = bench.createPool(targets, { balancer: onlyFirst });
    attempt(pool, targets, limited);
    expect(taken(pool.open(targets, request)).target.index).toBe(0);
    expect(request.decision).toBe(decision);
  });

  it("is left alone for the longest that was asked, and never for more than the bound", async () => {
    const pool = bench.createPool(targets);
    attempt(pool, targets, limited);
    attempt(pool, targets.slice(0, 1), { ...limited, retryAfterMs: 1_000 });
    expect(pool.status()[0]?.retryInMs).toBe(30_000);
    attempt(pool, targets.slice(0, 1), { ...limited, retryAfterMs: 86_400_000 });
    expect(pool.status()[0]?.retryInMs).toBe(longestCoolMs);
    attempt(pool, targets.slice(0, 1), { ...limited, retryAfterMs: Number.NaN });
    attempt(pool, targets.slice(0, 1), { ...limited, retryAfterMs: -5 });
    expect(pool.status()[0]?.retryInMs).toBe(longestCoolMs);
    await bench.clock.advance(longestCoolMs);
    expect(attempt(pool, targets, good)).toBe(0);
  });

  it("is not a reason to come back later: nothing is left out", () => {
    const pool = bench.createPool(targets, { balancer: { pick: () => undefined } });
    const attempts = bench.createPool(targets).open(targets, createBalanceRequest());
    taken(attempts).end(limited);
    const later = pool.open(targets, createBalanceRequest());
    expect(later.next()).toBeUndefined();
    expect(later.retryInMs).toBeUndefined();
  });

  it("and whose breaker is open is not tried even as the last", () => {
    const pool = bench.createPool(targets, { options: { maxFails: 1, countedStatuses: new Set([429]) } });
    attempt(pool, targets.slice(0, 1), limited);
    const attempts = pool.open(targets.slice(0, 1), createBalanceRequest());
    expect(attempts.next()).toBeUndefined();
    expect(pool.status()[0]?.retryInMs).toBe(30_000);
  });
});

describe("a target with an active health check", () => {
  const targets = createTargets([{}, {}]);
  const check = {
    url: "http://m.test/",
    intervalMs: 5_000,
    timeoutMs: 1_000,
    unhealthyAfter: 2,
    healthyAfter: 1,
  };
  let status: number;

  const createChecked = (withCall = true) =>
    bench.createPool(targets, {
      options: { healthChecks: new Map([[0, check]]) },
      services: withCall ? { call: async () => ({ status, headers: {}, body: "" }) } : {},
    });

  it("is left out while it is unhealthy, and only it is checked", async () => {
    const pool = createChecked();
    expect(bench.clock.timers).toBe(1);
    status = 500;
    await bench.clock.advance(5_000);
    expect(pool.status().map(({ healthy }) => healthy)).toEqual([undefined, undefined]);
    expect(attempt(pool, targets, good)).toBe(0);
    await bench.clock.advance(5_000);
    expect(pool.status().map(({ healthy }) => healthy)).toEqual([false, undefined]);
    expect(attempt(pool, targets, good)).toBe(1);
    const alone = pool.open(targets.slice(0, 1), createBalanceRequest());
    expect(alone.next()).toBeUndefined();
    expect(alone.retryInMs).toBe(500); // the next check
    status = 200;
    await bench.clock.advance(5_000);
    expect(pool.status()[0]?.healthy).toBe(true);
    expect(attempt(pool, targets, good)).toBe(0);
  });

  it("is not probed by the breaker while it is unhealthy, nor back before the breaker lets it", async () => {
    const pool = createChecked();
    fail(pool, targets);
    status = 500;
    await bench.clock.advance(failTimeoutMs);
    expect(pool.status()[0]).toMatchObject({ breaker: "half-open", healthy: false });
    expect(attempt(pool, targets, good)).toBe(1);
    status = 200;
    await bench.clock.advance(5_000);
    expect(attempt(pool, targets, good)).toBe(0);
  });

  it("is not checked where there is nothing to ask with, nor after the pool was closed", async () => {
    createChecked(false);
    expect(bench.clock.timers).toBe(0);
    const pool = createChecked();
    expect(bench.clock.timers).toBe(1);
    pool.close();
    expect(bench.clock.timers).toBe(0);
  });
});
