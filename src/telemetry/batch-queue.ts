/**
 * A bounded queue before something that takes entries in batches and may be slow, refuse or be away. Whoever adds never
 * waits; what does not fit is dropped and counted, the oldest first, as Kong documents for its plugins' queues
 * (https://developer.konghq.com/plugins/http-log, "Queuing").
 */
import { setMaxListeners } from "node:events";
import { untilAborted } from "../util/deadline.ts";
import type { Schedule } from "../util/schedule.ts";

export interface BatchQueueOptions<Entry> {
  /**
   * Hands a batch over. Rejects when it could not, and is then asked again with the same one. A signal that is aborted
   * means that nobody waits any longer.
   */
  readonly deliver: (batch: readonly Entry[], signal: AbortSignal) => Promise<void>;
  /** Told of entries that were given up, as it happens. */
  readonly onDropped: (count: number, reason: DropReason) => void;
  readonly limits: BatchQueueLimits;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
  readonly schedule: Schedule;
}

export interface BatchQueueLimits {
  /** Entries in one delivery. */
  readonly maxBatchSize: number;
  /** How long an entry may wait for others to go with it. Nothing waits for others where a batch is one entry. */
  readonly maxCoalescingDelayMs: number;
  /** Entries held, those being delivered included. */
  readonly maxEntries: number;
  /** Their bytes. */
  readonly maxBytes: number;
  /** Before the second try of a batch; doubled before each further one. Varied downwards by up to half. */
  readonly initialRetryDelayMs: number;
  readonly maxRetryDelayMs: number;
  /** After a first try that failed; the last try is made when it is over. Nothing is tried again where it is not above 0. */
  readonly maxRetryTimeMs: number;
  /** Deliveries at once. With 1, entries arrive in the order in which they were added. */
  readonly concurrency: number;
}

/** full: made room for another · undelivered: tried for too long · closed: the time to close was up, or added after. */
export type DropReason = "full" | "undelivered" | "closed";

interface Waiting<Entry> {
  readonly entry: Entry;
  readonly bytes: number;
  readonly addedAt: number;
}

export class BatchQueue<Entry> {
  readonly #options: BatchQueueOptions<Entry>;
  readonly #limits: BatchQueueLimits;
  readonly #waiting = new Fifo<Waiting<Entry>>();
  #waitingBytes = 0;
  #entriesOnTheirWay = 0;
  #bytesOnTheirWay = 0;
  #deliveries = 0;
  #cancelTimer: (() => void) | undefined;
  /** Ends the pauses between tries that are under way. */
  readonly #pauses = new Set<() => void>();
  readonly #abort = new AbortController();
  #closed: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;

  constructor(options: BatchQueueOptions<Entry>) {
    this.#options = options;
    this.#limits = options.limits;
    // Every delivery listens to it; node's warning at eleven is meant for leaks.
    setMaxListeners(0, this.#abort.signal);
  }

  /** Entries held, those being delivered included. */
  get entries(): number {
    return this.#waiting.length + this.#entriesOnTheirWay;
  }

  get bytes(): number {
    return this.#waitingBytes + this.#bytesOnTheirWay;
  }

  /** Takes an entry without waiting and without throwing. */
  add(entry: Entry, bytes: number): void {
    const { maxBytes, maxEntries } = this.#limits;
    // What is being delivered cannot be taken back, so that room is made among those that wait.
    const fits = this.#entriesOnTheirWay + 1 <= maxEntries && this.#bytesOnTheirWay + bytes <= maxBytes;
    if (this.#closed !== undefined || !fits) {
      this.#options.onDropped(1, fits ? "closed" : "full");
      return;
    }
    let dropped = 0;
    while (this.entries + 1 > maxEntries || this.bytes + bytes > maxBytes) {
      this.#shift();
      dropped++;
    }
    this.#waiting.push({ entry, bytes, addedAt: this.#options.now() });
    this.#waitingBytes += bytes;
    if (dropped > 0) this.#options.onDropped(dropped, "full");
    // A timer that is set is that of the oldest, or comes too early for it and is set anew.
    if (this.#cancelTimer === undefined || this.#waiting.length >= this.#limits.maxBatchSize) this.#pump();
  }

  /** Delivers what is held, without further waiting, as long as `deadlineMs` allow; the rest is dropped. */
  close(deadlineMs: number): Promise<void> {
    this.#closed ??= this.#close(deadlineMs);
    return this.#closed;
  }

  async #close(deadlineMs: number): Promise<void> {
    await undefined; // from here on `#closed` is set
    const cancelDeadline = this.#options.schedule(deadlineMs, () => this.#giveUp());
    const idle = new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
    this.#endPauses();
    this.#pump();
    this.#tellIdle();
    await idle;
    cancelDeadline();
  }

  #giveUp(): void {
    this.#abort.abort(new Error("the queue is closed"));
    this.#endPauses();
    const dropped = this.#waiting.length;
    while (this.#shift() !== undefined);
    if (dropped > 0) this.#options.onDropped(dropped, "closed");
    this.#tellIdle();
  }

  #endPauses(): void {
    for (const end of [...this.#pauses]) end();
  }

  #tellIdle(): void {
    if (this.entries === 0) this.#onIdle?.();
  }

  #shift(): Waiting<Entry> | undefined {
    const item = this.#waiting.shift();
    if (item !== undefined) this.#waitingBytes -= item.bytes;
    return item;
  }

  /** Starts what may start, and a timer for what has to wait for others. */
  #pump(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    while (this.#deliveries < this.#limits.concurrency) {
      const oldest = this.#waiting.first;
      if (oldest === undefined) return;
      const waitMs = this.#waitOf(oldest);
      if (waitMs > 0) {
        this.#cancelTimer = this.#options.schedule(waitMs, () => this.#pump());
        return;
      }
      void this.#carry(this.#takeBatch());
    }
  }

  #waitOf({ addedAt }: Waiting<Entry>): number {
    const { maxBatchSize, maxCoalescingDelayMs } = this.#limits;
    if (this.#waiting.length >= maxBatchSize || this.#closed !== undefined) return 0;
    return addedAt + maxCoalescingDelayMs - this.#options.now();
  }

  #takeBatch(): readonly Waiting<Entry>[] {
    const batch: Waiting<Entry>[] = [];
    while (batch.length < this.#limits.maxBatchSize) {
      const item = this.#shift();
      if (item === undefined) break;
      batch.push(item);
    }
    return batch;
  }

  async #carry(batch: readonly Waiting<Entry>[]): Promise<void> {
    const bytes = batch.reduce((sum, item) => sum + item.bytes, 0);
    this.#deliveries++;
    this.#entriesOnTheirWay += batch.length;
    this.#bytesOnTheirWay += bytes;
    const dropReason = await this.#tryAgainAndAgain(batch.map(({ entry }) => entry));
    this.#deliveries--;
    this.#entriesOnTheirWay -= batch.length;
    this.#bytesOnTheirWay -= bytes;
    if (dropReason !== undefined) this.#options.onDropped(batch.length, dropReason);
    this.#pump();
    this.#tellIdle();
  }

  /** Undefined: delivered. */
  async #tryAgainAndAgain(batch: readonly Entry[]): Promise<DropReason | undefined> {
    const { now } = this.#options;
    const startedAt = now();
    for (let failures = 0; ; failures++) {
      if (await this.#try(batch)) return undefined;
      const leftMs = startedAt + this.#limits.maxRetryTimeMs - now();
      if (leftMs > 0 && !this.#abort.signal.aborted)
        await this.#pause(Math.min(this.#retryDelayMs(failures), leftMs));
      else if (!this.#abort.signal.aborted) return "undelivered";
      if (this.#abort.signal.aborted) return "closed";
    }
  }

  async #try(batch: readonly Entry[]): Promise<boolean> {
    const { signal } = this.#abort;
    try {
      await untilAborted(this.#options.deliver(batch, signal), signal);
      return true;
    } catch {
      return false; // whoever delivers has seen it
    }
  }

  #retryDelayMs(failures: number): number {
    const { initialRetryDelayMs, maxRetryDelayMs } = this.#limits;
    const delayMs = Math.min(maxRetryDelayMs, initialRetryDelayMs * 2 ** failures);
    return delayMs * (1 - this.#options.random() / 2);
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        cancel();
        this.#pauses.delete(end);
        resolve();
      };
      const cancel = this.#options.schedule(delayMs, end);
      this.#pauses.add(end);
    });
  }
}

/** First in, first out; both ends in constant time on average, whatever its length. */
class Fifo<Item> {
  #items: (Item | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  get first(): Item | undefined {
    return this.#items[this.#head];
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  shift(): Item | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    this.#items[this.#head++] = undefined;
    if (this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}
