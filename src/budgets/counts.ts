/** The counts that one process knows: its own, and what it last heard of the others'. Synchronous and without I/O. */
import {
  type Ask,
  type Change,
  type Counter,
  type Decision,
  decide,
  hasRoom,
  reservedBy,
} from "./counters.ts";
import {
  changed,
  emptyTally,
  rolled,
  roomInMs,
  sumOf,
  type Tally,
  usedAt,
  windowAt,
  windowEndsInMs,
} from "./window.ts";

export interface Entry {
  readonly counter: Counter;
  own: Tally;
  /** One for each other process, or one for all of them. */
  others: readonly Tally[];
}

/** How these counts are one part of several. */
export interface CountsLinks {
  /** Told of every count of this process that has changed. */
  readonly onChange?: (entry: Entry) => void;
  /** What was heard of a counter before it was used here. */
  readonly othersOf?: (key: string) => readonly Tally[];
}

/** Old counts are looked for after so many new ones: a choice; it costs microseconds, and bounds what is kept to twice what counts. */
const sweepAfter = 1_000;

export class Counts {
  readonly #entries = new Map<string, Entry>();
  readonly #links: CountsLinks;
  #keptAtSweep = 0;

  constructor(links: CountsLinks = {}) {
    this.#links = links;
  }

  get size(): number {
    return this.#entries.size;
  }

  entries(): Iterable<Entry> {
    return this.#entries.values();
  }

  find(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  /** Made where it is not known. */
  entryOf(counter: Counter, atMs: number): Entry {
    const known = this.#entries.get(counter.key);
    if (known !== undefined) return known;
    if (this.#entries.size >= this.#keptAtSweep + sweepAfter) this.#sweep(atMs);
    const entry = { counter, own: emptyTally, others: this.#links.othersOf?.(counter.key) ?? [] };
    this.#entries.set(counter.key, entry);
    return entry;
  }

  /** Decides by what is known here, and counts what is reserved. */
  reserve(ask: Ask, atMs: number, isLocal: boolean): Decision {
    const used = ask.claims.map(({ counter }) =>
      usedAt(counter, this.#totalOf(this.entryOf(counter, atMs), atMs), atMs),
    );
    const facts = decide(ask, used);
    const states = this.statesOf(ask, used, atMs);
    for (const entry of this.take(ask, facts, atMs)) this.#links.onChange?.(entry);
    return { ...facts, states, isLocal };
  }

  /** Counts what a decision, wherever it was made, has reserved; tells nobody, and gives back what has changed. */
  take(ask: Ask, decision: Pick<Decision, "isGranted" | "hasRoom">, atMs: number): readonly Entry[] {
    return reservedBy(ask, decision).flatMap((at) => {
      const claim = ask.claims[at];
      if (claim === undefined || claim.amount === 0) return [];
      return [this.#add(claim.counter, windowAt(claim.counter, atMs), claim.amount, atMs)];
    });
  }

  statesOf(ask: Ask, used: readonly number[], atMs: number): Decision["states"] {
    return ask.claims.map((claim, at) => {
      const { counter, limit, needs } = claim;
      const before = used[at] ?? 0;
      const total = this.#totalOf(this.entryOf(counter, atMs), atMs);
      const waitMs = hasRoom(claim, before) ? 0 : roomInMs(counter, total, limit - needs + 1, atMs);
      const resetAfterMs = waitMs > 0 ? waitMs : windowEndsInMs(counter, atMs);
      return { used: before, window: windowAt(counter, atMs), resetAfterMs };
    });
  }

  change(changes: readonly Change[], atMs: number): void {
    for (const { by, counter, window } of changes) {
      if (by === 0) continue;
      const entry = this.#add(counter, window ?? windowAt(counter, atMs), by, atMs);
      this.#links.onChange?.(entry);
    }
  }

  #add(counter: Counter, window: number, by: number, atMs: number): Entry {
    const entry = this.entryOf(counter, atMs);
    entry.own = changed(rolled(entry.own, windowAt(counter, atMs)), window, by);
    return entry;
  }

  #totalOf({ counter, others, own }: Entry, atMs: number): Tally {
    const window = windowAt(counter, atMs);
    return others.length === 0 ? rolled(own, window) : sumOf([own, ...others], window);
  }

  #sweep(atMs: number): void {
    for (const [key, { counter, others, own }] of this.#entries) {
      const last = windowAt(counter, atMs) - 1;
      if ([own, ...others].every(({ window }) => window < last)) this.#entries.delete(key);
    }
    this.#keptAtSweep = this.#entries.size;
  }
}
