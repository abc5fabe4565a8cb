/** Counts entries that were given up, and says so now and then rather than each time. */
import type { Logger } from "./logger.ts";

export interface DroppedEntriesOptions {
  /** Where they were to go, without credentials. */
  readonly place: string;
  readonly log: Logger;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
}

const tellEveryMs = 10_000;

export class DroppedEntries {
  readonly #options: DroppedEntriesOptions;
  #total = 0;
  #untold = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(options: DroppedEntriesOptions) {
    this.#options = options;
  }

  get total(): number {
    return this.#total;
  }

  add(count: number): void {
    this.#total += count;
    this.#untold += count;
  }

  /** To be called when things go well: while they do not, that has been said. */
  tell(): void {
    if (this.#options.now() - this.#toldAt >= tellEveryMs) this.tellAll();
  }

  /** The same at the end. */
  tellAll(): void {
    if (this.#untold === 0) return;
    const { log, now, place } = this.#options;
    log.warn("log entries were dropped", { place, count: this.#untold });
    this.#untold = 0;
    this.#toldAt = now();
  }
}
