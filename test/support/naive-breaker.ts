/** The circuit breaker's rules once more, as plainly as possible, to hold the real one against. */
import fc from "fast-check";
import type { Verdict } from "../../src/balancer/verdict.ts";

export const failTimeoutMs = 10_000;

/**
 * Phases are objects, an attempt knows in which one it began, and a closed
 * phase keeps the time of each of its failures.
 */
type Phase =
  | { readonly kind: "closed"; failedAt: number[] }
  | { readonly kind: "open"; lastFailureAt: number; probe: NaiveAttempt | undefined };

export interface NaiveAttempt {
  readonly ticket: number;
  readonly began: Phase;
}

export class NaiveBreaker {
  phase: Phase = { kind: "closed", failedAt: [] };
  readonly #maxFails: number;
  readonly #now: () => number;

  constructor(maxFails: number, now: () => number) {
    this.#maxFails = maxFails;
    this.#now = now;
  }

  admits(): boolean {
    return this.phase.kind === "closed" || (this.phase.probe === undefined && this.#wait(this.phase) === 0);
  }

  begin(ticket: number): NaiveAttempt {
    const attempt = { ticket, began: this.phase };
    if (this.phase.kind === "open") this.phase.probe = attempt;
    return attempt;
  }

  end(attempt: NaiveAttempt, verdict: Verdict): void {
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
    if (verdict === "success" && this.#now() - last >= failTimeoutMs) phase.failedAt = [];
    if (verdict === "failure") phase.failedAt.push(this.#now());
    if (phase.failedAt.length === this.#maxFails)
      this.phase = { kind: "open", lastFailureAt: this.#now(), probe: undefined };
  }

  #endWhileOpen(phase: Phase & { kind: "open" }, attempt: NaiveAttempt, verdict: Verdict): void {
    if (phase.probe === undefined && verdict === "failure") phase.lastFailureAt = this.#now();
    if (phase.probe !== attempt) return;
    if (verdict === "nothing") phase.probe = undefined;
    else if (verdict === "failure")
      this.phase = { kind: "open", lastFailureAt: this.#now(), probe: undefined };
    else this.phase = { kind: "closed", failedAt: [] };
  }

  #wait(phase: Phase & { kind: "open" }): number {
    return Math.max(0, phase.lastFailureAt + failTimeoutMs - this.#now());
  }
}

export type BreakerEvent =
  | { readonly kind: "begin" }
  | { readonly kind: "end"; readonly which: number; readonly verdict: Verdict }
  | { readonly kind: "wait"; readonly ms: number };

export const breakerEvent: fc.Arbitrary<BreakerEvent> = fc.oneof(
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
