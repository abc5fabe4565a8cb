import { beforeEach, describe, expect, it } from "vitest";
import type { AttemptFailure } from "./balancer.ts";
import { type BreakerRecord, createBreakerRecord } from "./breaker-record.ts";
import { type BreakerSettings, type CircuitBreaker, createCircuitBreaker } from "./circuit-breaker.ts";
import { type Verdict, verdictOf } from "./verdict.ts";

const failTimeoutMs = 10_000;

let time: number;
let events: string[];
let record: BreakerRecord;

beforeEach(() => {
  time = 1_000_000;
  events = [];
  record = createBreakerRecord();
});

function create(settings: Partial<BreakerSettings> = {}): CircuitBreaker {
  return createCircuitBreaker(
    record,
    { maxFails: 3, failTimeoutMs, ...settings },
    { now: () => time, onOpen: () => events.push("open"), onClose: () => events.push("close") },
  );
}

/** One whole attempt. */
function attempt(breaker: CircuitBreaker, verdict: Verdict): void {
  expect(breaker.admits(time)).toBe(true);
  breaker.settle(breaker.enter(), verdict);
}

function opened(settings: Partial<BreakerSettings> = {}): CircuitBreaker {
  const breaker = create(settings);
  for (let count = 0; count < (settings.maxFails ?? 3); count++) attempt(breaker, "failure");
  return breaker;
}

describe("the circuit breaker of a target", () => {
  it("opens at max_fails failures, not before, and says so once", () => {
    const breaker = create();
    attempt(breaker, "failure");
    attempt(breaker, "failure");
    expect(breaker).toMatchObject({ state: "closed", failures: 2, retryInMs: 0 });
    attempt(breaker, "failure");
    expect(breaker).toMatchObject({ state: "open", failures: 3, retryInMs: failTimeoutMs });
    expect(breaker.admits(time)).toBe(false);
    expect(events).toEqual(["open"]);
  });

  it("counts failures in a row where a success is heeded at once", () => {
    const breaker = create({ quietMs: 0 });
    for (const verdict of ["failure", "failure", "success", "failure", "failure"] as const)
      attempt(breaker, verdict);
    expect(breaker).toMatchObject({ state: "closed", failures: 2 });
  });

  it("closes and forgets when somebody else has found the target well, and what was under way counts for nothing", () => {
    const breaker = opened();
    breaker.reset();
    expect(breaker).toMatchObject({ state: "closed", failures: 0 });
    const ticket = breaker.enter();
    for (let count = 0; count < 3; count++) attempt(breaker, "failure");
    breaker.reset();
    breaker.settle(ticket, "failure");
    expect(breaker).toMatchObject({ state: "closed", failures: 0 });
    expect(events).toEqual(["open", "close", "open", "close"]);
  });

  it("forgets failures too few to open it when it is reset, and does nothing where it is off", () => {
    const breaker = create();
    attempt(breaker, "failure");
    breaker.reset();
    expect(breaker.failures).toBe(0);
    const off = create({ maxFails: 0 });
    off.reset();
    expect(off.state).toBe("off");
    expect(events).toEqual([]);
  });

  it("counts failures in all, not in a row", () => {
    const breaker = create();
    attempt(breaker, "failure");
    attempt(breaker, "failure");
    attempt(breaker, "success");
    time += failTimeoutMs - 1;
    attempt(breaker, "success");
    expect(breaker.failures).toBe(2);
    attempt(breaker, "failure");
    expect(breaker.state).toBe("open");
  });

  it("forgets failures at a success once fail_timeout has passed since the last of them", () => {
    const breaker = create();
    attempt(breaker, "failure");
    time += failTimeoutMs - 1;
    attempt(breaker, "failure"); // the time begins anew
    time += failTimeoutMs - 1;
    attempt(breaker, "success");
    expect(breaker.failures).toBe(2);
    time += 1;
    attempt(breaker, "success");
    expect(breaker.failures).toBe(0);
  });

  it("does not forget failures by time alone", () => {
    const breaker = create();
    attempt(breaker, "failure");
    attempt(breaker, "failure");
    time += failTimeoutMs * 100;
    expect(breaker.failures).toBe(2);
    attempt(breaker, "failure");
    expect(breaker.state).toBe("open");
  });

  it("lets one probe through when fail_timeout has passed, and nobody beside it", () => {
    const breaker = opened();
    time += failTimeoutMs - 1;
    expect(breaker).toMatchObject({ state: "open", retryInMs: 1 });
    expect(breaker.admits(time)).toBe(false);
    time += 1;
    expect(breaker).toMatchObject({ state: "half-open", retryInMs: 0 });
    const probe = breaker.enter();
    time += failTimeoutMs * 1000; // however long it takes
    expect(breaker).toMatchObject({ state: "half-open", retryInMs: 0 });
    expect(breaker.admits(time)).toBe(false);
    breaker.settle(probe, "success");
    expect(breaker).toMatchObject({ state: "closed", failures: 0 });
    expect(events).toEqual(["open", "close"]);
  });

  it("stays open for another fail_timeout when the probe fails, and says nothing new", () => {
    const breaker = opened();
    time += failTimeoutMs + 5_000;
    attempt(breaker, "failure");
    expect(breaker).toMatchObject({ state: "open", failures: 3, retryInMs: failTimeoutMs });
    time += failTimeoutMs;
    attempt(breaker, "success");
    expect(breaker.state).toBe("closed");
    expect(events).toEqual(["open", "close"]);
  });

  it("gives a probe that told nothing to the next attempt, at once", () => {
    const breaker = opened();
    time += failTimeoutMs;
    attempt(breaker, "nothing");
    expect(breaker.state).toBe("half-open");
    attempt(breaker, "nothing");
    attempt(breaker, "failure");
    expect(breaker.state).toBe("open");
  });

  it("takes an attempt that told nothing for neither a success nor a failure", () => {
    const breaker = create();
    attempt(breaker, "failure");
    time += failTimeoutMs;
    for (let count = 0; count < 10; count++) attempt(breaker, "nothing");
    expect(breaker).toMatchObject({ state: "closed", failures: 1 });
  });

  it("opens at the first failure with max_fails 1", () => {
    expect(opened({ maxFails: 1 }).state).toBe("open");
  });

  it("is off with max_fails 0: nothing is counted and nobody kept out", () => {
    const breaker = create({ maxFails: 0 });
    for (let count = 0; count < 100; count++) attempt(breaker, "failure");
    expect(breaker).toMatchObject({ state: "off", failures: 0, retryInMs: 0 });
    expect(record).toEqual(createBreakerRecord());
    expect(events).toEqual([]);
  });
});

describe("an attempt that began before the breaker opened", () => {
  it("puts the probe off by its failure, which is the last one, without opening it again", () => {
    const breaker = create();
    const late = breaker.enter();
    for (let count = 0; count < 3; count++) attempt(breaker, "failure");
    time += failTimeoutMs - 1;
    breaker.settle(late, "failure");
    expect(breaker).toMatchObject({ state: "open", failures: 3, retryInMs: failTimeoutMs });
    expect(events).toEqual(["open"]);
  });

  it("does not close it by its success", () => {
    const breaker = create();
    const late = [breaker.enter(), breaker.enter()] as const;
    for (let count = 0; count < 3; count++) attempt(breaker, "failure");
    breaker.settle(late[0], "success");
    expect(breaker).toMatchObject({ state: "open", failures: 3 });
    time += failTimeoutMs;
    breaker.settle(late[1], "success");
    expect(breaker.state).toBe("half-open");
  });

  it.each(["success", "failure", "nothing"] as const)(
    "leaves a probe alone that is under way: %s",
    (verdict) => {
      const breaker = create();
      const late = breaker.enter();
      for (let count = 0; count < 3; count++) attempt(breaker, "failure");
      time += failTimeoutMs;
      const probe = breaker.enter();
      breaker.settle(late, verdict);
      expect(breaker.state).toBe("half-open");
      expect(breaker.admits(time)).toBe(false);
      breaker.settle(probe, "success");
      expect(breaker.state).toBe("closed");
    },
  );

  it("does not count once it has closed again", () => {
    const breaker = create({ maxFails: 1 });
    const late = breaker.enter();
    attempt(breaker, "failure");
    time += failTimeoutMs;
    attempt(breaker, "success");
    breaker.settle(late, "failure");
    expect(breaker).toMatchObject({ state: "closed", failures: 0 });
  });
});

describe("a breaker that goes on from another's record, as after a reload", () => {
  it("stays open, and shares the one probe with the old one", () => {
    const before = opened();
    const after = create();
    expect(after).toMatchObject({ state: "open", failures: 3, retryInMs: failTimeoutMs });
    time += failTimeoutMs;
    const probe = before.enter();
    expect(after.admits(time)).toBe(false);
    before.settle(probe, "success");
    expect(after.admits(time)).toBe(true);
    expect(after.state).toBe("closed");
  });

  it("goes by its own settings", () => {
    opened();
    expect(create({ failTimeoutMs: 500 }).retryInMs).toBe(500);
    expect(create({ maxFails: 0 })).toMatchObject({ state: "off", failures: 0 });
    expect(create({ maxFails: 0 }).admits(time)).toBe(true);
  });

  it("is not confused by what ends in one that is off", () => {
    const off = create({ maxFails: 0 });
    const fromOff = off.enter();
    const breaker = opened();
    time += failTimeoutMs;
    const probe = breaker.enter();
    const besides = off.enter();
    off.settle(fromOff, "failure");
    off.settle(besides, "failure");
    expect(breaker.state).toBe("half-open");
    breaker.settle(probe, "success");
    expect(breaker.state).toBe("closed");
  });
});

describe("what an outcome tells the breaker", () => {
  const every = new Set([403, 404, 429, 500, 502, 503, 504]);
  const verdict = (failure: AttemptFailure, counted: ReadonlySet<number>) =>
    verdictOf({ ok: false, failure, latencyMs: 1 }, counted);

  it.each(["error", "timeout", "invalid_header", "unusable", "stream"] as const)(
    "is a failure for %s, whatever is listed",
    (failure) => {
      expect(verdict(failure, new Set())).toBe("failure");
      expect(verdict(failure, every)).toBe("failure");
    },
  );

  it.each([429, 500, 502, 503, 504] as const)(
    "is a failure for http_%d where it is listed, and only there",
    (status) => {
      expect(verdict(`http_${status}`, every)).toBe("failure");
      expect(verdict(`http_${status}`, new Set([...every].filter((each) => each !== status)))).toBe(
        "success",
      );
    },
  );

  it.each([403, 404] as const)("is never a failure for http_%d", (status) => {
    expect(verdict(`http_${status}`, every)).toBe("success");
  });

  it("is a success for a complaint about the request, from a target that is up", () => {
    expect(verdict("http_400", every)).toBe("success");
    expect(verdict("http_422", every)).toBe("success");
  });

  it("is nothing where the client left, or where nobody knows", () => {
    expect(verdictOf({ ok: false, aborted: true, latencyMs: 1 }, every)).toBe("nothing");
    expect(verdictOf({ ok: false, latencyMs: 1 }, every)).toBe("nothing");
  });

  it("is a success for a complete answer", () => {
    expect(verdictOf({ ok: true, latencyMs: 1 }, every)).toBe("success");
  });
});
