/** What circuit breakers remember, and what those of several processes tell each other. */
import type { Heard } from "./balancer.ts";

/** All that a breaker remembers, so that a new one with other settings can go on from it. */
export interface BreakerRecord {
  failures: number;
  lastFailureAt: number;
  isOpen: boolean;
  isProbing: boolean;
  /** Grows with every opening, probe and closing, so that attempts from before can be told from those after. */
  era: number;
  /** Grows whenever failures are forgotten, here or in another process: counts of an earlier epoch are void. */
  epoch: number;
  /** The same of all other processes together, in this epoch. */
  others: BreakerNews;
}

/** What the breakers of other processes know of the target. */
export interface BreakerNews {
  readonly failures: number;
  /** By our clock; 0: never. */
  readonly lastFailureAt: number;
  readonly isOpen: boolean;
  readonly isProbing: boolean;
  /** How much longer we wait for a probe than the process that has seen the last failure, so that it can tell of its own. */
  readonly graceMs: number;
}

export const noNews: BreakerNews = Object.freeze({
  failures: 0,
  lastFailureAt: 0,
  isOpen: false,
  isProbing: false,
  graceMs: 0,
});

export function createBreakerRecord(): BreakerRecord {
  return {
    failures: 0,
    lastFailureAt: 0,
    isOpen: false,
    isProbing: false,
    era: 0,
    epoch: 0,
    others: noNews,
  };
}

/** What others have told in this epoch, as one. `delayMs`: how long news takes. */
export function newsOf(heard: readonly Heard[], delayMs: number): BreakerNews {
  if (heard.length === 0) return noNews;
  let failures = 0;
  let lastFailureAt = 0;
  let isOpen = false;
  let isProbing = false;
  for (const { row, clockOffsetMs, isAlive } of heard) {
    const [, failed = 0, failedAt = 0, open = 0, probing = 0] = row;
    failures += failed;
    if (failedAt > 0) lastFailureAt = Math.max(lastFailureAt, failedAt + clockOffsetMs);
    isOpen ||= open === 1;
    isProbing ||= probing === 1 && isAlive;
  }
  return { failures, lastFailureAt, isOpen, isProbing, graceMs: graceDelays * delayMs };
}

/**
 * Twice the time that news takes: once for the failure to be known here, once for the probe of the one who saw it. A
 * process that has seen it and gets no requests any more costs the others no more than that.
 */
const graceDelays = 2;
