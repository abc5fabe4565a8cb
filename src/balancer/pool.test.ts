import { beforeEach, describe, expect, it } from "vitest";
import { createBalanceRequest, createTarget, createTargets } from "../../test/support/balancing.ts";
import { settled } from "../../test/support/fake-clock.ts";
import { later } from "../../test/support/later.ts";
import {
  bad,
  createPoolBench,
  fail,
  good,
  type PoolBench,
  statesOf,
  taken,
} from "../../test/support/target-pool.ts";
import type { Balancer, Outcome, Spent } from "./balancer.ts";

let bench: PoolBench;

beforeEach(() => {
  bench = createPoolBench();
});

describe("the attempts of a request", () => {
  const targets = createTargets([{}, {}, {}]);

  it("try each candidate once, and then stop", () => {
    const pool = bench.createPool(targets);
    const attempts = pool.open(targets, createBalanceRequest());
    const tried = [1, 2, 3].map(() => {
      const lease = taken(attempts);
      lease.end({ ok: false, failure: "http_404", latencyMs: 1 });
      return lease.target.index;
    });
    expect(tried).toEqual([0, 1, 2]);
    expect(attempts.next()).toBeUndefined();
    expect(attempts.next()).toBeUndefined();
    expect(attempts.retryInMs).toBeUndefined();
  });

  it("do not try a target again whose first attempt has not ended", () => {
    const attempts = bench.createPool(targets).open(targets.slice(0, 1), createBalanceRequest());
    taken(attempts);
    expect(attempts.next()).toBeUndefined();
  });

  it("tell the algorithm of the beginning and the one end of each", () => {
    const pool = bench.createPool(targets);
    const lease = taken(pool.open(targets, createBalanceRequest()));
    expect(bench.told).toEqual(["started 0"]);
    lease.end(good);
    lease.end(bad);
    expect(bench.told).toEqual(["started 0", "observed 0 good"]);
    expect(pool.status()[0]).toMatchObject({ attempts: 1, failed: 0, failures: 0, inFlight: 0 });
  });

  it("tell the algorithm what was used once it is counted, and the breaker at once", async () => {
    const learned: Outcome[] = [];
    const balancer: Balancer = { ...bench.firstOf(), observe: (_target, outcome) => learned.push(outcome) };
    const pool = bench.createPool(targets, { balancer });
    const usage = { inputTokens: 3, outputTokens: 4, estimated: true };
    const counting = later<Spent>();
    taken(pool.open(targets, createBalanceRequest())).end(bad, counting.promise);
    taken(pool.open(targets, createBalanceRequest())).end(bad, Promise.reject(new Error("no count")));
    expect(pool.status()[0]).toMatchObject({ failed: 2, breaker: "open", inFlight: 0 });
    expect(learned).toEqual([]);
    counting.resolve({ usage, costUsd: 0.5 });
    await settled();
    expect(learned).toEqual([bad, { ...bad, usage, costUsd: 0.5 }]);
  });

  it("hand the algorithm the very list while nothing is left out, and a copy from then on", () => {
    const pool = bench.createPool(targets);
    const attempts = pool.open(targets, createBalanceRequest());
    taken(attempts);
    taken(attempts);
    expect(bench.asked[0]).toBe(targets);
    expect(bench.asked[1]).toEqual([targets[1], targets[2]]);
  });

  it("do not ask the algorithm where nothing is left", () => {
    const attempts = bench.createPool(targets).open([], createBalanceRequest());
    expect(attempts.next()).toBeUndefined();
    expect(attempts.retryInMs).toBeUndefined();
    expect(bench.asked).toEqual([]);
  });

  it("end where the algorithm finds that none fits, although some are left", () => {
    const pool = bench.createPool(targets, { balancer: { pick: () => undefined } });
    const attempts = pool.open(targets, createBalanceRequest());
    expect(attempts.next()).toBeUndefined();
    expect(attempts.retryInMs).toBeUndefined();
    expect(pool.status().map(({ inFlight }) => inFlight)).toEqual([0, 0, 0]);
  });

  it("refuse a target of another pool, by name", () => {
    const attempts = bench.createPool(targets).open([createTarget(7)], createBalanceRequest());
    expect(() => attempts.next()).toThrow("target 7 (fake/m7) is not in this pool");
  });

  it("keep nothing of an attempt whose beginning the algorithm fails to note", () => {
    const pool = bench.createPool(targets, {
      balancer: {
        ...bench.firstOf(),
        started: () => {
          throw new Error("a bug");
        },
      },
    });
    expect(() => pool.open(targets, createBalanceRequest()).next()).toThrow("a bug");
    expect(pool.status()[0]?.inFlight).toBe(0);
  });
});

describe("a pool that follows another, as after a reload", () => {
  it("goes on with what was known of the targets that are still there", async () => {
    const before = createTargets([{}, {}]);
    const old = bench.createPool(before);
    fail(old, before);
    const stream = taken(old.open(before, createBalanceRequest()));
    const after = [
      createTarget(0, { id: "new" }),
      createTarget(1, { id: "id-0" }),
      createTarget(2, { id: "id-1" }),
    ];
    const pool = bench.createPool(after);
    expect(statesOf(pool)).toEqual(["closed", "open", "closed"]);
    expect(pool.status()[2]).toMatchObject({ inFlight: 1, attempts: 0 });
    old.close();
    stream.end(good);
    expect(pool.status()[2]).toMatchObject({ inFlight: 0, attempts: 1 });
  });

  it("lets go of what was remembered once, and lets attempts under way end", () => {
    let letGo = 0;
    const targets = createTargets([{}]);
    const pool = bench.createPool(targets, {
      services: {
        letGo: () => {
          letGo++;
        },
      },
    });
    const lease = taken(pool.open(targets, createBalanceRequest()));
    pool.close();
    pool.close();
    lease.end(good);
    expect(letGo).toBe(1);
    expect(bench.told).toEqual(["started 0", "observed 0 good"]);
    expect(pool.status()[0]).toMatchObject({ inFlight: 0, attempts: 1 });
  });
});

describe("the status of a pool", () => {
  it("has what the algorithm holds of each target beside the engine's own", () => {
    const pool = bench.createPool(createTargets([{ weight: 3 }, {}]));
    expect(pool.status()).toEqual([
      {
        index: 0,
        name: "fake/m0",
        weight: 3,
        breaker: "closed",
        failures: 0,
        retryInMs: 0,
        healthy: undefined,
        inFlight: 0,
        attempts: 0,
        failed: 0,
        scores: { score: 0 },
      },
      expect.objectContaining({ index: 1, scores: { score: 10 } }),
    ]);
    expect(
      bench.createPool(createTargets([{}]), { balancer: { pick: () => undefined } }).status()[0]?.scores,
    ).toEqual({});
  });
});
