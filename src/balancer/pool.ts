/** The engine around an algorithm: who may be picked, what is counted, and what outlives a reload. */
import type { BalanceRequest, Balancer, Outcome, Target } from "./balancer.ts";

/** A target as `/status`, metrics and `explain` show it. */
export interface TargetStatus {
  readonly index: number;
  readonly name: string;
  readonly weight: number;
  /** closed: in use · open: left out · half-open: one request is let through to try · off: `max_fails` is 0. */
  readonly breaker: "off" | "closed" | "open" | "half-open";
  /** Failures that count towards `max_fails`. */
  readonly failures: number;
  /** Until when it is left out (open, or asked to be left alone), in milliseconds from now; 0: it is not. */
  readonly retryInMs: number;
  /** What the active health check last found; undefined without one. */
  readonly healthy: boolean | undefined;
  /** Attempts under way, streams that have not ended included. */
  readonly inFlight: number;
  /** Attempts ended, and those of them that failed. */
  readonly attempts: number;
  readonly failed: number;
  /** What the algorithm holds of it. */
  readonly scores: Readonly<Record<string, number>>;
}

/** One attempt that has begun. */
export interface Lease<Member extends Target> {
  readonly target: Member;
  /** To be called once, when the last byte has come or the attempt has failed; later calls do nothing. */
  end(outcome: Outcome): void;
}

/** The attempts of one request. */
export interface Attempts<Member extends Target> {
  /**
   * Begins the next attempt: a target that is available and was not tried for this request. Undefined when none is
   * left or fits; `request.decision` and `retryInMs` then say why. A target that was asked to be left alone for a while
   * is only picked where nothing else is left.
   */
  next(): Lease<Member> | undefined;
  /** Milliseconds until the first of the candidates may be tried again; undefined when none is merely left out. */
  readonly retryInMs: number | undefined;
}

export interface TargetPool<Member extends Target> {
  readonly balancer: Balancer;
  open(candidates: readonly Member[], request: BalanceRequest): Attempts<Member>;
  status(): readonly TargetStatus[];
  /** Lets go of what is remembered of the targets; attempts under way may still end. */
  close(): void;
}
