/** Notices that nothing has come for a while. */
import type { Schedule } from "../util/schedule.ts";

export interface SilenceClock {
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  readonly schedule: Schedule;
}

/**
 * A timer that is not moved by what it hears: it looks at the time of the last sound when it goes off, and goes on for
 * the rest. Hearing costs one look at the clock, and the silence is exact to the millisecond; undici's own timers are
 * up to a second late (its lib/util/timers.js says so).
 */
export class SilenceWatch {
  readonly #clock: SilenceClock;
  readonly #timeoutMs: number;
  readonly #onSilence: () => void;
  #heardAt = 0;
  #cancel: (() => void) | undefined;

  constructor(clock: SilenceClock, timeoutMs: number, onSilence: () => void) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#onSilence = onSilence;
  }

  /** Begins to listen, from now on. */
  start(): void {
    this.heard();
    if (this.#cancel === undefined) this.#wait(this.#timeoutMs);
  }

  heard(): void {
    this.#heardAt = this.#clock.now();
  }

  /** Stops listening; `start` may follow. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #wait(delayMs: number): void {
    this.#cancel = this.#clock.schedule(delayMs, () => {
      this.#cancel = undefined;
      const left = this.#heardAt + this.#timeoutMs - this.#clock.now();
      if (left > 0) this.#wait(left);
      else this.#onSilence();
    });
  }
}
