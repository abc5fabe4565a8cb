/** Passive checks of a target: three counts of failures in a row, each a circuit breaker; any of them takes it out. */
import type { Heard, Outcome, Row } from "../balancer/balancer.ts";
import { type BreakerRecord, createBreakerRecord } from "../balancer/breaker-record.ts";
import {
  type BreakerServices,
  type BreakerState,
  type CircuitBreaker,
  createCircuitBreaker,
} from "../balancer/circuit-breaker.ts";
import type { PassiveChecks } from "./healthchecks.ts";
import { type FailureSort, signOf } from "./outcome.ts";

const sorts = ["http", "tcp", "timeout"] as const satisfies readonly FailureSort[];

/** What is remembered across reloads. */
export interface PassiveRecord {
  readonly breakers: Readonly<Record<FailureSort, BreakerRecord>>;
  /** Good answers in a row of a target that is tried again. */
  successes: number;
}

export function createPassiveRecord(): PassiveRecord {
  return {
    breakers: { http: createBreakerRecord(), tcp: createBreakerRecord(), timeout: createBreakerRecord() },
    successes: 0,
  };
}

/** One for each count. */
export type PassiveTicket = readonly number[];

/** When a target is tried again with one request, where no active check would bring it back. A choice, and not Kong's. */
export const tryAgainMs = 10_000;

/** Numbers that a breaker tells. */
const rowLength = 5;

/** `canRecover`: active checks bring the target back, so that no client's request has to try it. */
export class PassiveHealth {
  readonly #record: PassiveRecord;
  readonly #checks: PassiveChecks;
  readonly #breakers: readonly CircuitBreaker[];

  constructor(
    record: PassiveRecord,
    checks: PassiveChecks,
    options: BreakerServices & { readonly canRecover: boolean },
  ) {
    this.#record = record;
    this.#checks = checks;
    const { http_failures, tcp_failures, timeouts } = checks.unhealthy;
    const most = { http: http_failures, tcp: tcp_failures, timeout: timeouts };
    const failTimeoutMs = options.canRecover ? Number.POSITIVE_INFINITY : tryAgainMs;
    this.#breakers = sorts.map((sort) =>
      createCircuitBreaker(
        record.breakers[sort],
        { maxFails: most[sort], failTimeoutMs, quietMs: 0 },
        options,
      ),
    );
  }

  /** Of the count that is furthest from letting requests through. */
  get state(): BreakerState {
    const states = this.#breakers.map(({ state }) => state);
    return byDistance.find((state) => states.includes(state)) ?? "off";
  }

  get failures(): number {
    return this.#breakers.reduce((sum, { failures }) => sum + failures, 0);
  }

  /** Infinite where only an active check can bring it back. */
  get retryInMs(): number {
    return Math.max(...this.#breakers.map(({ retryInMs }) => retryInMs));
  }

  get isOut(): boolean {
    return this.state === "open" || this.state === "half-open";
  }

  admits(now: number): boolean {
    return this.#breakers.every((breaker) => breaker.admits(now));
  }

  begin(): PassiveTicket {
    return this.#breakers.map((breaker) => breaker.enter());
  }

  end(ticket: PassiveTicket, outcome: Outcome): void {
    const sign = signOf(outcome, this.#checks);
    if (sign === "good" && this.isOut) this.#record.successes++;
    else if (sign !== undefined) this.#record.successes = 0;
    const isEnough = !this.isOut || this.#record.successes >= this.#checks.healthy.successes;
    if (isEnough) this.#record.successes = 0;
    for (const [index, breaker] of this.#breakers.entries()) {
      // While it is tried, a failure of any sort keeps it out.
      const isFailure = sign !== "good" && sign !== undefined && (sign === sorts[index] || isTried(breaker));
      const isSuccess = sign === "good" && isEnough;
      breaker.settle(ticket[index] ?? 0, isFailure ? "failure" : isSuccess ? "success" : "nothing");
    }
  }

  /** An active check has found the target well. */
  reset(): void {
    this.#record.successes = 0;
    for (const breaker of this.#breakers) breaker.reset();
  }

  tell(): Row {
    return this.#breakers.flatMap((breaker) => breaker.tell());
  }

  hear(heard: readonly Heard[], delayMs: number): void {
    for (const [index, breaker] of this.#breakers.entries()) {
      const own = (row: Row) => row.slice(index * rowLength, (index + 1) * rowLength);
      breaker.hear(
        heard.map((each) => ({ ...each, row: own(each.row) })),
        delayMs,
      );
    }
  }
}

const byDistance: readonly BreakerState[] = ["open", "half-open", "closed"];

function isTried({ state }: CircuitBreaker): boolean {
  return state === "half-open";
}
