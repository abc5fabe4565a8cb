/** The circuit breaker against the plainest model of its rules. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createBreakerRecord } from "./breaker-record.ts";
import { type CircuitBreaker, createCircuitBreaker } from "./circuit-breaker.ts";
import type { Verdict } from "./verdict.ts";

const failTimeoutMs = 10_000;
let time = 0;

/**
 * The rules once more, as plainly as possible: phases are objects, an attempt knows in which one it began, and a closed
 * phase keeps the time of each of its failures.
 */
type Phase =
  | { readonly kind: "closed"; failedAt: number[] }
  | { readonly kind: "open"; lastFailureAt: number; probe: Attempt | undefined };

interface Attempt {
  readonly ticket: number;
  readonly began: Phase;
}

class NaiveBreaker {
  phase: Phase = { kind: "closed", failedAt: [] };
  readonly #maxFails: number;

  constructor(maxFails: number) {
    this.#maxFails = maxFails;
  }

  admits(): boolean {
    return this.phase.kind === "closed" || (this.phase.probe === undefined && this.#wait(this.phase) === 0);
  }

  begin(ticket: number): Attempt {
    const attempt = { ticket, began: this.phase };
    if (this.phase.kind === "open") this.phase.probe = attempt;
    return attempt;
  }

  end(attempt: Attempt, verdict: Verdict): void {
    const { phase } = this;
    if (phase.kind === "open") this.#endWhileOpen(phase, attempt, verdict);
    else if (attempt.began === phase) this.#endWhileClosed(phase, verdict);
  }

  get expected() {
    const { phase } = this;
    if (phase.kind === "closed") return { state: "closed", failures: phase.failedAt.length, retryInMs: 0 };
    const wait = phase.probe === undefined ? this.#wait(phase) : 0;
    return { state: wait === 0 ? "half-open" : "open", failures: this.#maxFails, retryInMs: wait };
  }

  #endWhileClosed(phase: Phase & { kind: "closed" }, verdict: Verdict): void {
    const last = phase.failedAt.at(-1) ?? Number.NEGATIVE_INFINITY;
    if (verdict === "success" && time - last >= failTimeoutMs) phase.failedAt = [];
    if (verdict === "failure") phase.failedAt.push(time);
    if (phase.failedAt.length === this.#maxFails)
      this.phase = { kind: "open", lastFailureAt: time, probe: undefined };
  }

  #endWhileOpen(phase: Phase & { kind: "open" }, attempt: Attempt, verdict: Verdict): void {
    if (phase.probe === undefined && verdict === "failure") phase.lastFailureAt = time;
    if (phase.probe !== attempt) return;
    if (verdict === "nothing") phase.probe = undefined;
    else if (verdict === "failure") this.phase = { kind: "open", lastFailureAt: time, probe: undefined };
    else this.phase = { kind: "closed", failedAt: [] };
  }

  #wait(phase: Phase & { kind: "open" }): number {
    return Math.max(0, phase.lastFailureAt + failTimeoutMs - time);
  }
}

type Event =
  | { readonly kind: "begin" }
  | { readonly kind: "end"; readonly which: number; readonly verdict: Verdict }
  | { readonly kind: "wait"; readonly ms: number };

const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ kind: "begin" } as const) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("end" as const),
      which: fc.nat({ max: 20 }),
      verdict: fc.constantFrom<Verdict>("success", "failure", "failure", "nothing"),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("wait" as const),
      ms: fc.constantFrom(1, 100, failTimeoutMs / 2, failTimeoutMs - 1, failTimeoutMs),
    }),
  },
);

describe("the circuit breaker of a target, over any run of events", () => {
  it("does what the plainest model of the rules does", () => {
    const seen = new Set<string>();
    const sequence = fc.array(event, { minLength: 20, maxLength: 120 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), sequence, (maxFails, sequenceOfEvents) => {
        const events: string[] = [];
        const breaker = createCircuitBreaker(
          createBreakerRecord(),
          { maxFails, failTimeoutMs },
          { now: () => time, onOpen: () => events.push("open"), onClose: () => events.push("close") },
        );
        const model = new NaiveBreaker(maxFails);
        const underWay: Attempt[] = [];
        for (const each of sequenceOfEvents) {
          apply(each, breaker, model, underWay);
          expectSame(breaker, model);
          expect(breaker.failures).toBeLessThanOrEqual(maxFails);
          seen.add(breaker.state);
        }
        expect(events).toEqual(events.map((_, index) => (index % 2 === 0 ? "open" : "close")));
        if (events.includes("close")) seen.add("closed again");
      }),
      { numRuns: 500 },
    );
    expect(seen).toEqual(new Set(["closed", "open", "half-open", "closed again"]));
  });
});

function expectSame(breaker: CircuitBreaker, model: NaiveBreaker): void {
  const { state, failures, retryInMs } = breaker;
  expect({ state, failures, retryInMs }).toEqual(model.expected);
  expect(breaker.admits(time)).toBe(model.admits());
}

function apply(each: Event, breaker: CircuitBreaker, model: NaiveBreaker, underWay: Attempt[]): void {
  if (each.kind === "wait") time += each.ms;
  else if (each.kind === "end") endOne(breaker, model, underWay, each);
  else if (breaker.admits(time)) underWay.push(model.begin(breaker.enter()));
}

function endOne(
  breaker: CircuitBreaker,
  model: NaiveBreaker,
  underWay: Attempt[],
  { which, verdict }: { readonly which: number; readonly verdict: Verdict },
): void {
  const [attempt] = underWay.splice(which % Math.max(1, underWay.length), 1);
  if (attempt === undefined) return;
  model.end(attempt, verdict);
  breaker.settle(attempt.ticket, verdict);
}
