/**
 * The ledger's engine: takes entries without waiting, hands them to the store in batches, and lets them wait on the disk
 * while the store is away or slow.
 */
import { Contact } from "../telemetry/contact.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Schedule } from "../util/schedule.ts";
import { StoreError } from "../util/store-error.ts";
import type { LedgerEntry } from "./entry.ts";
import { type EntryLine, toLine } from "./entry-line.ts";
import type { LedgerStore } from "./ledger-store.ts";
import { LineQueue } from "./line-queue.ts";
import { createRetention } from "./retention.ts";
import type { Spool } from "./spool.ts";

export interface LedgerParts {
  readonly store: LedgerStore;
  readonly spool: Spool;
  readonly log: Logger;
  readonly schedule: Schedule;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
  /** Entries that may wait in memory. */
  readonly maxQueue: number;
  /** 0: for ever. */
  readonly retentionDays: number;
  /** Whether prompts and answers are kept; else they are left out, whoever hands them over. */
  readonly keepsPayloads: boolean;
}

/** How the ledger is doing, in the shape of a component's health. */
export interface LedgerHealth {
  readonly component: "ledger";
  /** Place of the store, without credentials. */
  readonly name: string;
  /** `down` also while entries are refused, whatever the store does. */
  readonly state: "unknown" | "up" | "down";
  readonly reason: string | undefined;
  /** Contacts with the store that failed. */
  readonly failures: number;
  /** Entries that the store has confirmed, replayed ones included. */
  readonly writes: number;
  /** Entries in memory. */
  readonly waiting: number;
  /** Bytes on the disk, of all processes that share the folder. */
  readonly spooledBytes: number;
  /** Entries lost because there was no room for them, neither in memory nor on the disk. */
  readonly refused: number;
  /** Entries lost because they could not be kept as they were: a mistake of ours. */
  readonly invalid: number;
}

export interface Ledger {
  readonly store: LedgerStore;
  /** Takes an entry; never waits, never throws. It is safe with the next batch, a quarter of a second later. */
  record(entry: LedgerEntry): void;
  /** Resolves when all that was recorded before is in the store, or safe on the disk, or cannot be kept. */
  flush(): Promise<void>;
  health(): LedgerHealth;
  /**
   * Takes no more entries, hands over what waits, and closes the store. What the store has not taken a second before the
   * time is up goes to the disk, for the next start.
   */
  close(timeoutMs: number): Promise<void>;
}

/** Large enough that a transaction's own cost is spread (measured: 500 take 3 times as long as 50), small enough to end soon. */
const batchSize = 500;
/** In UTF-16 units; only payloads get there. */
const batchLength = 4 * 1024 * 1024;
/** What may be lost when the process is killed; a choice. */
const flushMs = 250;
/** A store that takes longer for a batch is slow: what came meanwhile goes to the disk. */
const slowMs = 1000;
/** In UTF-16 units; only payloads get there. */
const maxQueueLength = 64 * 1024 * 1024;
/** How often to look for batches that a dead process left. */
const lookMs = 60_000;
/** Kept from the time for closing, to write to the disk. */
const spoolMs = 1000;

/** Opens the store, and replays what an earlier process left on the disk, in the background. */
export function createLedger(parts: LedgerParts): Ledger {
  return new Engine(parts);
}

class Engine implements Ledger {
  readonly store: LedgerStore;
  readonly #parts: LedgerParts;
  readonly #queue = new LineQueue();
  readonly #contact: Contact;
  readonly #stopRetention: () => void;
  readonly #stop = new AbortController();
  #cancelFlush: (() => void) | undefined;
  #cancelRetry: (() => void) | undefined;
  #cancelLook: (() => void) | undefined;
  #cancelTakeAgain: (() => void) | undefined;
  /** The one who writes to the store, and since when it waits for an answer. */
  #working: Promise<void> | undefined;
  #askedAt: number | undefined;
  /** The one who writes to the disk while the store takes its time. */
  #spilling: Promise<void> | undefined;
  #retryAt = Number.NEGATIVE_INFINITY;
  /** There may be batches on the disk; to begin with, those of an earlier process. */
  #mayReplay = true;
  #isClosed = false;
  #spoolTrouble: string | undefined;
  #writes = 0;
  #refused = 0;
  #refusedBefore = 0;
  #invalid = 0;

  constructor(parts: LedgerParts) {
    const { store, log, now } = parts;
    this.#parts = parts;
    this.store = store;
    this.#contact = new Contact({
      what: "the ledger's store",
      meanwhile: "entries wait on the disk and are handed over when it is back",
      place: store.place,
      log,
      now,
    });
    this.#stopRetention = createRetention(parts);
    this.#wake();
    this.#lookLater();
  }

  record(entry: LedgerEntry): void {
    if (this.#isClosed || this.#isFull) {
      this.#refuse();
      return;
    }
    try {
      this.#queue.push(toLine(this.#parts.keepsPayloads ? entry : withoutPayload(entry)));
      if (this.#queue.size >= batchSize) this.#wake();
      else this.#flushLater();
    } catch (error) {
      this.#lose(error);
    }
  }

  async flush(): Promise<void> {
    while (this.#queue.size > 0 || this.#working !== undefined || this.#spilling !== undefined) {
      this.#wake();
      const before = this.#queue.size;
      await Promise.all([this.#working, this.#spilling]);
      const isStuck = this.#isAway && this.#spoolTrouble !== undefined && this.#queue.size >= before;
      if (isStuck && this.#working === undefined && this.#spilling === undefined) return;
    }
  }

  health(): LedgerHealth {
    const isRefusing = this.#refused > this.#refusedBefore;
    const { place, state, reason, failures } = this.#contact;
    return {
      component: "ledger",
      name: place,
      state: isRefusing ? "down" : state,
      reason: isRefusing ? `entries are refused: ${this.#spoolTrouble ?? reason ?? "too many wait"}` : reason,
      failures,
      writes: this.#writes,
      waiting: this.#queue.size,
      spooledBytes: this.#parts.spool.bytes,
      refused: this.#refused,
      invalid: this.#invalid,
    };
  }

  async close(timeoutMs: number): Promise<void> {
    if (this.#isClosed) return;
    const { schedule, log } = this.#parts;
    this.#isClosed = true;
    this.#stopRetention();
    const timers = [this.#cancelFlush, this.#cancelRetry, this.#cancelLook, this.#cancelTakeAgain];
    for (const cancel of timers) cancel?.();
    const storeMs = Math.max(timeoutMs / 2, timeoutMs - spoolMs);
    const cancel = schedule(storeMs, () => this.#stop.abort());
    await this.flush();
    // What went to the disk while the store was slow to open is asked for next, by whoever reads a report.
    while (this.#mayReplay && !this.#isAway) await this.#replay();
    cancel();
    this.#stop.abort();
    if (this.#queue.size > 0) {
      this.#refused += this.#queue.size;
      log.error("entries of the ledger are lost", { lost: this.#queue.size, reason: this.#spoolTrouble });
    }
    await this.store.close();
  }

  #flushLater(): void {
    if (this.#isClosed) return;
    this.#cancelFlush ??= this.#parts.schedule(flushMs, () => {
      this.#cancelFlush = undefined;
      this.#wake();
    });
  }

  /** Sees to it that somebody works on the queue. */
  #wake(): void {
    if (this.#working === undefined) {
      this.#working = this.#work().finally(() => {
        this.#working = undefined;
        // The time to ask again may have come while this one was busy with the disk.
        if (this.#mayReplay && !this.#isClosed && !this.#isAway) this.#wake();
        else if (this.#queue.size > 0) this.#flushLater();
      });
      return;
    }
    const isSlow = this.#askedAt !== undefined && this.#parts.now() - this.#askedAt >= slowMs;
    const isLong = this.#queue.size >= this.#parts.maxQueue / 2 || this.#queue.length >= maxQueueLength / 2;
    if (isSlow || isLong) this.#spill();
    if (this.#queue.size > 0) this.#flushLater();
  }

  async #work(): Promise<void> {
    do {
      if (this.#isAway) {
        this.#spill();
        await this.#spilling;
        return;
      }
      const batch = this.#queue.take(batchSize, batchLength);
      if (batch.length > 0) await this.#write(batch);
      if (this.#mayReplay && !this.#isClosed && !this.#isAway) await this.#replay();
    } while (!this.#isAway && (this.#queue.size >= batchSize || (this.#mayReplay && !this.#isClosed)));
  }

  get #isFull(): boolean {
    return this.#queue.size >= this.#parts.maxQueue || this.#queue.length >= maxQueueLength;
  }

  /** Whether the store is not to be asked, now. */
  get #isAway(): boolean {
    return this.#stop.signal.aborted || (this.#contact.state === "down" && this.#parts.now() < this.#retryAt);
  }

  async #write(batch: readonly EntryLine[]): Promise<void> {
    if (!(await this.#append(batch))) await this.#keep(batch);
  }

  /** Whether the store has them, apart from those that it will never take. */
  async #append(batch: readonly EntryLine[]): Promise<boolean> {
    try {
      this.#askedAt = this.#parts.now();
      await this.store.append(batch, this.#stop.signal);
    } catch (error) {
      if (error instanceof StoreError && error.kind === "invalid") return this.#divide(batch, error);
      if (!this.#stop.signal.aborted) this.#failed(error);
      return false;
    } finally {
      this.#askedAt = undefined;
    }
    this.#contact.succeeded();
    this.#writes += batch.length;
    return true;
  }

  /** Finds the entry that the store does not take, so that it alone is lost. */
  async #divide(batch: readonly EntryLine[], error: StoreError): Promise<boolean> {
    if (batch.length <= 1) {
      this.#lose(error);
      return true;
    }
    const middle = Math.ceil(batch.length / 2);
    return (await this.#append(batch.slice(0, middle))) && (await this.#append(batch.slice(middle)));
  }

  #failed(error: unknown): void {
    this.#contact.failed(error);
    const waitMs = this.#contact.retryInMs;
    this.#retryAt = this.#parts.now() + waitMs;
    this.#cancelRetry?.();
    if (this.#isClosed) return;
    this.#cancelRetry = this.#parts.schedule(waitMs, () => {
      this.#cancelRetry = undefined;
      // The time has come, though a timer may be a fraction of a millisecond before the clock that `isAway` asks.
      this.#retryAt = Number.NEGATIVE_INFINITY;
      // Also where nothing waits: whether it is back is worth knowing.
      this.#mayReplay = true;
      this.#wake();
    });
  }

  /** One batch from the disk. An empty one where there is none asks the store whether it is there. */
  async #replay(): Promise<void> {
    const { spool, log } = this.#parts;
    try {
      this.#mayReplay = false; // before one looks: what is written meanwhile sets it again
      const file = await spool.oldest();
      if (file === undefined) {
        if (this.#contact.state !== "up") await this.#append([]);
        return;
      }
      this.#mayReplay = true;
      const { lines, torn } = await spool.read(file);
      if (torn > 0)
        log.error("lines of a waiting batch of the ledger cannot be read", { file: file.name, torn });
      for (let start = 0; start < lines.length; start += batchSize)
        if (!(await this.#append(lines.slice(start, start + batchSize)))) return;
      await spool.remove(file);
    } catch (error) {
      this.#mayReplay = false;
      log.error("the waiting batches of the ledger cannot be read; they are tried again in a minute", {
        folder: spool.folder,
        reason: wordsOf(error),
      });
    }
  }

  /** Writes to the disk what waits in memory, unless somebody does so already. */
  #spill(): void {
    if (this.#queue.size === 0) return;
    this.#spilling ??= this.#spillAll().finally(() => {
      this.#spilling = undefined;
      // The store may have answered meanwhile, and nobody would look at the disk for a minute.
      if (this.#working === undefined && !this.#isAway) this.#wake();
    });
  }

  async #spillAll(): Promise<void> {
    for (;;) {
      const batch = this.#queue.take(batchSize, batchLength);
      if (batch.length === 0 || !(await this.#keep(batch))) return;
    }
  }

  /** Whether the batch is on the disk; else it waits in memory again. */
  async #keep(batch: readonly EntryLine[]): Promise<boolean> {
    const { spool, log } = this.#parts;
    try {
      await spool.keep(batch);
    } catch (error) {
      const reason = wordsOf(error);
      if (this.#spoolTrouble === undefined)
        log.error("entries of the ledger cannot wait on the disk; they wait in memory, as many as fit", {
          folder: spool.folder,
          reason,
        });
      this.#spoolTrouble = reason;
      this.#queue.putBack(batch);
      return false;
    }
    this.#spoolTrouble = undefined;
    this.#mayReplay = true;
    return true;
  }

  /** The newest is refused, not the oldest thrown away: what was on the disk once is never given up. */
  #refuse(): void {
    if (this.#refused === this.#refusedBefore)
      this.#parts.log.error(
        "the ledger has no room for more entries; requests go on without being recorded",
        {
          place: this.store.place,
          waiting: this.#queue.size,
          reason: this.#isClosed ? "it is closed" : (this.#spoolTrouble ?? this.#contact.reason),
        },
      );
    this.#refused++;
    this.#takeAgainLater();
  }

  #takeAgainLater(): void {
    if (this.#isClosed) return;
    this.#cancelTakeAgain ??= this.#parts.schedule(flushMs, () => {
      this.#cancelTakeAgain = undefined;
      if (this.#isFull) {
        this.#takeAgainLater();
        return;
      }
      this.#parts.log.warn("the ledger takes entries again", { lost: this.#refused - this.#refusedBefore });
      this.#refusedBefore = this.#refused;
    });
  }

  #lose(cause: unknown): void {
    this.#invalid++;
    this.#parts.log.error("an entry cannot be kept in the ledger", { reason: wordsOf(cause) });
  }

  #lookLater(): void {
    this.#cancelLook = this.#parts.schedule(lookMs, () => {
      this.#mayReplay = true;
      this.#wake();
      this.#lookLater();
    });
  }
}

function withoutPayload(entry: LedgerEntry): LedgerEntry {
  return entry.payload === undefined ? entry : { ...entry, payload: undefined };
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
