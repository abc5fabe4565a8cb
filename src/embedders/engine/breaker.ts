/** Circuit breaker: after repeated failures calls are not tried for a while, then one probe decides. */

/** Consecutive failures that open it. A guess: enough to pass over one lost packet or restarted connection. */
export const failuresToOpen = 5;

/** How long it stays open before a probe. A guess: short, because without an embedder routing is blind. */
export const openMs = 5_000;

export type BreakerState = "closed" | "open" | "half-open";

/** Leave for one call; exactly one of its methods is to be called, later calls do nothing. */
export interface Permit {
  succeed(): void;
  fail(): void;
  /** The call said nothing about the vendor's health: its caller left, or its text was refused. */
  withdraw(): void;
}

export interface Breaker {
  readonly state: BreakerState;
  /** Milliseconds until the next probe; 0 unless open. */
  readonly retryInMs: number;
  /** Undefined: do not call now. */
  enter(): Permit | undefined;
}

export interface BreakerServices {
  readonly now: () => number;
  readonly onChange: (state: BreakerState) => void;
}

export function createBreaker({ now, onChange }: BreakerServices): Breaker {
  let state: BreakerState = "closed";
  let failures = 0;
  let openedAt = 0;
  let isProbing = false;
  /** Grows with each opening and closing, so that calls from before say nothing about now. */
  let era = 0;

  function change(next: BreakerState): void {
    state = next;
    failures = 0;
    isProbing = false;
    if (next === "open") openedAt = now();
    if (next !== "half-open") era++;
    onChange(next);
  }

  function permit(): Permit {
    const ownEra = era;
    let isOver = false;
    const settle = (effect: () => void) => () => {
      if (isOver) return;
      isOver = true;
      if (ownEra === era) effect();
    };
    return {
      succeed: settle(() => {
        failures = 0;
        if (state === "half-open") change("closed");
      }),
      fail: settle(() => {
        failures++;
        if (state === "half-open" || failures >= failuresToOpen) change("open");
      }),
      withdraw: settle(() => {
        isProbing = false;
      }),
    };
  }

  return {
    get state() {
      return state;
    },
    get retryInMs() {
      return state === "open" ? Math.max(0, openedAt + openMs - now()) : 0;
    },
    enter() {
      if (state === "open" && now() - openedAt >= openMs) change("half-open");
      if (state === "closed") return permit();
      if (state === "open" || isProbing) return undefined;
      isProbing = true;
      return permit();
    },
  };
}
