/** Circuit breakers of one target in several processes. */
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

/** Processes whose clocks differ by what each is given. */
class Processes {
  time = 1_000_000; // no process is so young that its clock could have shown nothing yet
  readonly breakers: readonly CircuitBreaker[];
  readonly log: string[] = [];
  urgent = 0;
  readonly #skews: readonly number[];

  constructor(skews: readonly number[], maxFails: number) {
    this.#skews = skews;
    this.breakers = skews.map((skew, index) =>
      createCircuitBreaker(
        createBreakerRecord(),
        { maxFails, failTimeoutMs },
        {
          now: () => this.time + skew,
          onOpen: () => this.log.push(`${index} open`),
          onClose: () => this.log.push(`${index} close`),
          onChange: (isUrgent) => {
            if (isUrgent) this.urgent++;
          },
        },
      ),
    );
  }

  admits(index: number): boolean {
    return this.at(index).admits(this.time + this.skewOf(index));
  }

  at(index: number): CircuitBreaker {
    const breaker = this.breakers[index % this.breakers.length];
    if (breaker === undefined) throw new Error("there are no processes");
    return breaker;
  }

  skewOf(index: number): number {
    return this.#skews[index % this.#skews.length] ?? 0;
  }

  /** One hears of all others, `dead` ones included. */
  hear(to: number, { delayMs = 0, dead = [] as readonly number[] } = {}): void {
    const heard = this.breakers.flatMap((breaker, from) =>
      from === to
        ? []
        : [
            {
              row: breaker.tell(),
              clockOffsetMs: this.skewOf(to) - this.skewOf(from),
              isAlive: !dead.includes(from),
            },
          ],
    );
    this.at(to).hear(heard, delayMs);
  }

  /** Each hears of all others until nobody has anything new to tell. */
  agree(options: { readonly delayMs?: number; readonly dead?: readonly number[] } = {}): void {
    for (let before = ""; before !== this.#told; ) {
      before = this.#told;
      for (const index of this.breakers.keys()) this.hear(index, options);
    }
  }

  get #told(): string {
    return JSON.stringify(this.breakers.map((breaker) => breaker.tell()));
  }
}

function fail(processes: Processes, index: number, verdict: Verdict = "failure"): void {
  const breaker = processes.at(index);
  breaker.settle(breaker.enter(), verdict);
}

const skews = fc.array(fc.integer({ min: -500_000, max: 500_000 }), { minLength: 1, maxLength: 4 });
const events = fc.array(fc.tuple(fc.nat({ max: 11 }), breakerEvent), { minLength: 20, maxLength: 120 });

interface Underway {
  readonly process: number;
  readonly ticket: number;
  readonly model: NaiveAttempt;
}

function play(processes: Processes, model: NaiveBreaker, underway: Underway[]) {
  return (process: number, event: BreakerEvent): void => {
    if (event.kind === "wait") processes.time += event.ms;
    else if (event.kind === "begin") {
      if (!processes.admits(process)) return;
      const ticket = processes.at(process).enter();
      underway.push({ process, ticket, model: model.begin(ticket) });
    } else {
      const [one] = underway.splice(event.which % Math.max(1, underway.length), 1);
      if (one === undefined) return;
      model.end(one.model, event.verdict);
      processes.at(one.process).settle(one.ticket, event.verdict);
    }
  };
}

describe("breakers of one target in several processes", () => {
  it("are as one breaker, when each hears at once what has happened elsewhere, whatever their clocks show", () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(skews, fc.integer({ min: 1, max: 4 }), events, (clocks, maxFails, run) => {
        const processes = new Processes(clocks, maxFails);
        const model = new NaiveBreaker(maxFails, () => processes.time);
        const step = play(processes, model, []);
        for (const [process, event] of run) {
          step(process, event);
          processes.agree();
          for (const [index, { state, failures, retryInMs }] of processes.breakers.entries()) {
            expect({ state, failures, retryInMs }).toEqual(model.expected);
            expect(processes.admits(index)).toBe(model.admits());
          }
          seen.add(model.expected.state);
        }
        const transitions = processes.log.map((line) => line.slice(2));
        expect(transitions).toEqual(transitions.map((_, at) => (at % 2 === 0 ? "open" : "close")));
      }),
      { numRuns: 300 },
    );
    expect(seen).toEqual(new Set(["closed", "open", "half-open"]));
  });

  it("agree in the end, however late each hears of the others", () => {
    const hearing = fc.oneof(
      { weight: 3, arbitrary: breakerEvent },
      { weight: 2, arbitrary: fc.constant({ kind: "hear" } as const) },
    );
    fc.assert(
      fc.property(
        skews,
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.tuple(fc.nat({ max: 11 }), hearing), { minLength: 20, maxLength: 120 }),
        (clocks, maxFails, run) => {
          const processes = new Processes(clocks, maxFails);
          const step = play(processes, new NaiveBreaker(maxFails, () => processes.time), []);
          for (const [process, event] of run) {
            if (event.kind === "hear") processes.hear(process % clocks.length);
            else step(process, event);
          }
          processes.agree();
          const views = processes.breakers.map(({ state, failures, retryInMs }) => ({
            state,
            failures,
            retryInMs,
          }));
          expect(new Set(views.map((view) => JSON.stringify(view))).size).toBe(1);
          const isOpen = views[0]?.state !== "closed";
          if (!isOpen) expect(views[0]?.failures).toBeLessThan(maxFails);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("open together where each alone has seen too few failures", () => {
    const processes = new Processes([0, 0, 0], 3);
    for (const index of [0, 1, 2]) fail(processes, index);
    expect(processes.breakers.map(({ state }) => state)).toEqual(["closed", "closed", "closed"]);
    const before = processes.urgent;
    processes.hear(1);
    expect(processes.at(1).state).toBe("open");
    expect(processes.urgent).toBeGreaterThan(before);
    processes.agree();
    expect(processes.breakers.map(({ state }) => state)).toEqual(["open", "open", "open"]);
  });

  it("leave the probe to the one who saw the last failure, for twice as long as news takes", () => {
    const processes = new Processes([0, 0], 1);
    fail(processes, 0);
    processes.agree({ delayMs: 20 });
    processes.time += failTimeoutMs;
    expect([processes.admits(0), processes.admits(1)]).toEqual([true, false]);
    expect(processes.at(1).retryInMs).toBe(40);
    processes.time += 40;
    expect(processes.admits(1)).toBe(true);
  });

  it("do not wait for the probe of a process that has ended", () => {
    const processes = new Processes([0, 0], 1);
    fail(processes, 0);
    processes.agree();
    processes.time += failTimeoutMs;
    processes.at(0).enter();
    processes.agree();
    expect(processes.admits(1)).toBe(false);
    processes.hear(1, { dead: [0] });
    expect(processes.admits(1)).toBe(true);
    fail(processes, 1, "success");
    expect(processes.at(1).state).toBe("closed");
    processes.hear(1, { dead: [0] }); // what the dead one last knew is of an earlier epoch
    expect(processes.at(1).state).toBe("closed");
  });

  it("forget a process that nobody speaks of any more", () => {
    const processes = new Processes([0, 0], 2);
    fail(processes, 0);
    processes.agree();
    expect(processes.at(1).failures).toBe(1);
    processes.at(1).hear([], 0);
    expect(processes.at(1).failures).toBe(0);
  });
});
