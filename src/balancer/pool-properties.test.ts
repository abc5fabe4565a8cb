/** What holds for a pool over any run of requests, failures and waits. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  createBalanceRequest,
  createFakeMemory,
  createTargets,
  createTrialRequest,
} from "../../test/support/balancing.ts";
import { createRecordingLogger } from "../../test/support/recording-logger.ts";
import type { Balancer, Outcome, Target } from "./balancer.ts";
import { type Attempts, createTargetPool, type Lease, type TargetPool, type TargetStatus } from "./pool.ts";

const failTimeoutMs = 1_000;
const maxFails = 2;
const targets = createTargets([{}, {}, {}, {}]);

type Step =
  | { readonly kind: "open"; readonly members: readonly number[] }
  | { readonly kind: "next"; readonly which: number; readonly choice: number }
  | { readonly kind: "end"; readonly which: number; readonly outcome: Outcome }
  | { readonly kind: "wait"; readonly ms: number };

const failure = fc.constantFrom("error", "timeout", "http_500", "http_404", "http_429", "unusable", "stream");
const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc.constant({ ok: true, latencyMs: 1 }),
  fc.constant({ ok: false, aborted: true, latencyMs: 1 } as const),
  failure.map((each) => ({ ok: false, failure: each as "error", latencyMs: 1 })),
  fc.constant({ ok: false, failure: "http_429", latencyMs: 1, retryAfterMs: 700 } as const),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("open" as const),
      members: fc.subarray([0, 1, 2, 3], { minLength: 1 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("next" as const),
      which: fc.nat({ max: 50 }),
      choice: fc.nat({ max: 50 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("end" as const), which: fc.nat({ max: 50 }), outcome }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.constantFrom(1, 300, 999, 1_000) }),
  },
);

interface Request {
  readonly members: readonly Target[];
  readonly attempts: Attempts<Target>;
  readonly tried: Set<Target>;
}

/** A run against one pool, which watches from outside what it does. */
class Run {
  time = 0;
  readonly seen = new Set<string>();
  readonly started = [0, 0, 0, 0];
  readonly observed = [0, 0, 0, 0];
  readonly #pool: TargetPool<Target>;
  readonly #requests: Request[] = [];
  readonly #leases: { readonly lease: Lease<Target>; readonly isProbe: boolean }[] = [];
  #choice = 0;
  #hasCooled = false;

  constructor() {
    const balancer: Balancer = {
      pick: (candidates) => {
        expect(candidates.length).toBeGreaterThan(0);
        return candidates[this.#choice % candidates.length];
      },
      started: ({ index }) => add(this.started, index),
      observe: ({ index }) => add(this.observed, index),
    };
    const countedStatuses = new Set([500]);
    this.#pool = createTargetPool(
      balancer,
      targets,
      { maxFails, failTimeoutMs, countedStatuses },
      {
        now: () => this.time,
        schedule: () => () => undefined,
        random: () => 0,
        log: createRecordingLogger(),
        memory: createFakeMemory(),
      },
    );
  }

  take(each: Step): void {
    if (each.kind === "wait") this.time += each.ms;
    else if (each.kind === "open") this.#open(each.members);
    else if (each.kind === "next") this.#next(each.which, each.choice);
    else this.#end(each.which, each.outcome);
    this.#check();
  }

  finish(): void {
    while (this.#leases.length > 0) this.#end(0, { ok: true, latencyMs: 1 });
    const status = this.#pool.status();
    expect(status.map(({ inFlight }) => inFlight)).toEqual([0, 0, 0, 0]);
    expect(this.observed).toEqual(this.started);
    expect(status.map(({ attempts }) => attempts)).toEqual(this.started);
  }

  #open(indexes: readonly number[]): void {
    const members = targets.filter(({ index }) => indexes.includes(index));
    const attempts = this.#pool.open(members, createBalanceRequest());
    this.#requests.push({ members, attempts, tried: new Set() });
  }

  #next(which: number, choice: number): void {
    const request = this.#requests[which % Math.max(1, this.#requests.length)];
    if (request === undefined) return;
    this.#choice = choice;
    const before = this.#pool.status();
    const available = request.members.filter(
      (target) => !request.tried.has(target) && this.#isUp(before, target),
    );
    const isFirst = request.tried.size === 0;
    const foretold = isFirst ? this.#foretell(request, before) : undefined;
    const lease = request.attempts.next();
    if (isFirst) expect(lease?.target).toBe(foretold);
    if (lease === undefined) {
      expect(available).toEqual([]);
      this.#checkWait(request, before);
      return;
    }
    const { target } = lease;
    expect(available).toContain(target);
    if (isCooling(before, target)) {
      expect(available.filter((other) => !isCooling(before, other))).toEqual([]);
      this.seen.add("last resort");
    }
    request.tried.add(target);
    const isProbe = before[target.index]?.breaker === "half-open";
    this.seen.add(isProbe ? "probe" : "attempt");
    this.#leases.push({ lease, isProbe });
  }

  /** What a request of these members would be sent to first; asking begins and changes nothing. */
  #foretell({ members, attempts }: Request, before: readonly TargetStatus[]): Target | undefined {
    const { target, retryInMs } = this.#pool.preview(members, createTrialRequest());
    if (target === undefined) expect(retryInMs).toBe(attempts.retryInMs);
    expect(this.#pool.status()).toEqual(before);
    return target;
  }

  /** Nothing was left: the wait is told of those that were left out, and is over when it says. */
  #checkWait(request: Request, before: readonly TargetStatus[]): void {
    const out = request.members.filter((target) => !request.tried.has(target));
    const waits = out.map(({ index }) => (before[index]?.breaker === "open" ? waitOf(before, index) : 1_000));
    const { retryInMs } = request.attempts;
    const longest = Math.min(...waits);
    if (out.length === 0) expect(retryInMs).toBeUndefined();
    else if (!this.#hasCooled) expect(retryInMs).toBe(longest);
    else {
      // The status tells of the vendor's wish too, which a target that is the last resort need not wait for.
      expect(retryInMs).toBeGreaterThan(0);
      expect(retryInMs).toBeLessThanOrEqual(longest);
    }
    this.seen.add(out.length === 0 ? "all tried" : "left out");
  }

  #isUp(status: readonly TargetStatus[], target: Target): boolean {
    const breaker = status[target.index]?.breaker;
    return breaker === "closed" || (breaker === "half-open" && !this.#isProbed(target));
  }

  #isProbed(target: Target): boolean {
    return this.#leases.some(({ lease, isProbe }) => isProbe && lease.target === target);
  }

  #end(which: number, ended: Outcome): void {
    const [one] = this.#leases.splice(which % Math.max(1, this.#leases.length), 1);
    if (one !== undefined && ended.retryAfterMs !== undefined) this.#hasCooled = true;
    one?.lease.end(ended);
    one?.lease.end({ ok: false, failure: "error", latencyMs: 1 }); // does nothing
  }

  #check(): void {
    for (const { index, inFlight, failures, breaker } of this.#pool.status()) {
      const own = this.#leases.filter(({ lease }) => lease.target.index === index);
      expect(inFlight).toBe(own.length);
      expect(own.filter(({ isProbe }) => isProbe).length).toBeLessThanOrEqual(1);
      expect(failures).toBeLessThanOrEqual(maxFails);
      expect(this.started[index]).toBe((this.observed[index] ?? 0) + own.length);
      this.seen.add(breaker);
    }
  }
}

function add(counts: number[], index: number): void {
  counts[index] = (counts[index] ?? 0) + 1;
}

/** What the status says of waiting is the breaker's and the vendor's; of a target that is up, the vendor's alone. */
function isCooling(status: readonly TargetStatus[], target: Target): boolean {
  return waitOf(status, target.index) > 0;
}

function waitOf(status: readonly TargetStatus[], index: number): number {
  return status[index]?.retryInMs ?? 0;
}

describe("a pool of targets, over any run of requests", () => {
  it("picks what is up and untried, the cooling last, one probe at a time, and counts exactly", () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(fc.array(step, { minLength: 30, maxLength: 150 }), (steps) => {
        const run = new Run();
        for (const each of steps) run.take(each);
        run.finish();
        for (const each of run.seen) seen.add(each);
      }),
      { numRuns: 400 },
    );
    expect([...seen].sort()).toEqual([
      "all tried",
      "attempt",
      "closed",
      "half-open",
      "last resort",
      "left out",
      "open",
      "probe",
    ]);
  });
});
