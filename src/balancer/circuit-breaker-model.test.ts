/** The circuit breaker against the plainest model of its rules. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type BreakerEvent,
  breakerEvent,
  failTimeoutMs,
  type NaiveAttempt,
  NaiveBreaker,
} from "../../test/support/naive-breaker.ts";
import { createBreakerRecord } from "./breaker-record.ts";
import { type CircuitBreaker, createCircuitBreaker } from "./circuit-breaker.ts";
import type { Verdict } from "./verdict.ts";

let time = 0;

describe("the circuit breaker of a target, over any run of events", () => {
  it("does what the plainest model of the rules does", () => {
    const seen = new Set<string>();
    const sequence = fc.array(breakerEvent, { minLength: 20, maxLength: 120 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), sequence, (maxFails, sequenceOfEvents) => {
        const events: string[] = [];
        const breaker = createCircuitBreaker(
          createBreakerRecord(),
          { maxFails, failTimeoutMs },
          { now: () => time, onOpen: () => events.push("open"), onClose: () => events.push("close") },
        );
        const model = new NaiveBreaker(maxFails, () => time);
        const underWay: NaiveAttempt[] = [];
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

function apply(
  each: BreakerEvent,
  breaker: CircuitBreaker,
  model: NaiveBreaker,
  underWay: NaiveAttempt[],
): void {
  if (each.kind === "wait") time += each.ms;
  else if (each.kind === "end") endOne(breaker, model, underWay, each);
  else if (breaker.admits(time)) underWay.push(model.begin(breaker.enter()));
}

function endOne(
  breaker: CircuitBreaker,
  model: NaiveBreaker,
  underWay: NaiveAttempt[],
  { which, verdict }: { readonly which: number; readonly verdict: Verdict },
): void {
  const [attempt] = underWay.splice(which % Math.max(1, underWay.length), 1);
  if (attempt === undefined) return;
  model.end(attempt, verdict);
  breaker.settle(attempt.ticket, verdict);
}
