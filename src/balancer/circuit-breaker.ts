/** The circuit breaker of a target: after so many failures it is left out for a while, then one probe decides. */
import type { Outcome } from "./balancer.ts";

/**
 * Total, not consecutive, failures are counted; a success resets the count only once `failTimeoutMs` has passed since
 * the last failure. Reaching `maxFails` opens; `failTimeoutMs` after the last failure one attempt at a time is let
 * through: its failure opens for another `failTimeoutMs`, its success closes and resets (Kong's documentation of
 * `max_fails` and `fail_timeout`, 3.13).
 */
export interface BreakerSettings {
  /** 0: off. */
  readonly maxFails: number;
  readonly failTimeoutMs: number;
}

/** off: `maxFails` is 0 · half-open: the time is up, and one attempt is, or may be, under way to try. */
export type BreakerState = "off" | "closed" | "open" | "half-open";

/** What an attempt tells of its target; `nothing` where somebody else ended it. */
export type Verdict = "success" | "failure" | "nothing";

/** All that a breaker remembers, so that a new one with other settings can go on from it. */
export interface BreakerRecord {
  failures: number;
  lastFailureAt: number;
  isOpen: boolean;
  isProbing: boolean;
  /** Grows with every opening, probe and closing, so that attempts from before can be told from those after. */
  era: number;
}

export function createBreakerRecord(): BreakerRecord {
  return { failures: 0, lastFailureAt: 0, isOpen: false, isProbing: false, era: 0 };
}

export interface CircuitBreaker {
  readonly state: BreakerState;
  /** Failures that count towards `maxFails`; 0 when off. */
  readonly failures: number;
  /** Milliseconds until a probe is let through; 0 unless open. */
  readonly retryInMs: number;
  /** An attempt may begin now. */
  admits(now: number): boolean;
  /** An attempt that was admitted begins; it takes the probe where one is due. To be handed to `settle`, once. */
  enter(): number;
  settle(ticket: number, verdict: Verdict): void;
}

export interface BreakerServices {
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  readonly onOpen: () => void;
  readonly onClose: () => void;
}

/**
 * An attempt that began before the breaker opened, and ends after, cannot close it, end a probe, nor count once it
 * has closed again, since it tells of the time before. But a failure of it is a failure: while the breaker is open and
 * no probe is under way, it is the last one, from which `failTimeoutMs` is counted.
 */
export function createCircuitBreaker(
  record: BreakerRecord,
  settings: BreakerSettings,
  services: BreakerServices,
): CircuitBreaker {
  const { maxFails, failTimeoutMs } = settings;
  const isOff = maxFails === 0;
  const isQuiet = (now: number) => now - record.lastFailureAt >= failTimeoutMs;

  function open(now: number): void {
    record.isOpen = true;
    record.isProbing = false;
    record.lastFailureAt = now;
    record.era++;
  }

  function close(): void {
    record.isOpen = false;
    record.isProbing = false;
    record.failures = 0;
    record.era++;
    services.onClose();
  }

  function settleProbe(verdict: Verdict): void {
    if (verdict === "success") close();
    else if (verdict === "failure") open(services.now());
    else record.isProbing = false;
  }

  function countFailure(now: number): void {
    record.failures++;
    record.lastFailureAt = now;
    if (record.failures < maxFails) return;
    open(now);
    services.onOpen();
  }

  function settleLate(verdict: Verdict): void {
    if (verdict === "failure" && record.isOpen && !record.isProbing) record.lastFailureAt = services.now();
  }

  return {
    get state() {
      if (isOff) return "off";
      if (!record.isOpen) return "closed";
      return record.isProbing || isQuiet(services.now()) ? "half-open" : "open";
    },
    get failures() {
      return isOff ? 0 : record.failures;
    },
    get retryInMs() {
      if (isOff || !record.isOpen || record.isProbing) return 0;
      return Math.max(0, record.lastFailureAt + failTimeoutMs - services.now());
    },
    admits: (now) => isOff || !record.isOpen || (!record.isProbing && isQuiet(now)),
    enter() {
      if (!isOff && record.isOpen && !record.isProbing) {
        record.isProbing = true;
        record.era++;
      }
      return record.era;
    },
    settle(ticket, verdict) {
      if (isOff) return;
      if (ticket !== record.era) settleLate(verdict);
      else if (record.isProbing) settleProbe(verdict);
      else if (verdict === "failure") countFailure(services.now());
      else if (verdict === "success" && isQuiet(services.now())) record.failures = 0;
    },
  };
}

/** 403 and 404 tell of the request or its credentials, never of the target's health (nginx). */
const neverCounted: ReadonlySet<number> = new Set([403, 404]);

/**
 * What an outcome tells the breaker. error, timeout and invalid_header are failures whatever is listed, a status only
 * where it is listed. unusable and stream, which nginx does not know, are failures always: like invalid_header they are
 * the target's own breach of its protocol, and there is no criterion by which one could list them. Any other status is an
 * answer from a target that is up, so that it counts as a success (as nginx does: a probe answered with 404 closes).
 */
export function verdictOf(outcome: Outcome, countedStatuses: ReadonlySet<number>): Verdict {
  if (outcome.ok) return "success";
  const { failure } = outcome;
  if (outcome.aborted === true || failure === undefined) return "nothing";
  if (!failure.startsWith("http_")) return "failure";
  const status = Number(failure.slice("http_".length));
  return countedStatuses.has(status) && !neverCounted.has(status) ? "failure" : "success";
}
