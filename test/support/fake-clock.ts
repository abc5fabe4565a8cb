/** Time that passes when a test says so. */

export interface FakeClock {
  /** Milliseconds; begins at 0. */
  readonly now: () => number;
  /** Runs `action` once, `delayMs` from now; the returned function cancels it. */
  readonly schedule: (delayMs: number, action: () => void) => () => void;
  /** Runs all that falls due, in order of time, letting promises settle before, between and after. */
  advance(ms: number): Promise<void>;
  /** Timers that are set and have not run: 0 once everything was cleaned up. */
  readonly timers: number;
}

export function createFakeClock(): FakeClock {
  const timers = new Set<{ readonly at: number; readonly action: () => void }>();
  let time = 0;

  function nextDue(end: number) {
    return [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
  }

  return {
    now: () => time,
    schedule(delayMs, action) {
      const timer = { at: time + delayMs, action };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async advance(ms) {
      const end = time + ms;
      await settled();
      for (let due = nextDue(end); due !== undefined; due = nextDue(end)) {
        timers.delete(due);
        time = due.at;
        due.action();
        await settled();
      }
      time = end;
    },
    get timers() {
      return timers.size;
    },
  };
}

/** Resolves when all promises that can settle without I/O or time have settled. */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
