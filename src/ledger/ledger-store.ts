/** Contract of the ledger's stores: where entries are kept, added up, read back and, in time, deleted. */
import type { Schedule } from "../util/schedule.ts";
import type { LedgerArm, LedgerEntry } from "./entry.ts";
import type { EntryLine } from "./entry-line.ts";
import type { LedgerOptions } from "./options.ts";

/** What figures are told apart by. `day` is a day in UTC, `model` is `provider/model`. */
export const groupings = ["target", "consumer", "route", "day", "model"] as const;

export type Grouping = (typeof groupings)[number];

/** A stretch of time, in milliseconds since 1970. */
export interface LedgerPeriod {
  /** The first that belongs to it; undefined: from the beginning. */
  readonly fromMs?: number | undefined;
  /** The first that does not belong to it any more; undefined: to the end. */
  readonly untilMs?: number | undefined;
}

export interface SumsQuery extends LedgerPeriod {
  /** None: one sum of all. */
  readonly by: readonly Grouping[];
}

/** What is known of a sum, and of how many summands it is not the whole truth. */
export interface PartialSum {
  readonly sum: bigint;
  /** Summands of which nobody knows how large they are. */
  readonly unknown: number;
}

/**
 * Figures of one group. What belongs to an exchange as a whole stands with the target and model of its last attempt,
 * what belongs to an attempt with its own; so the groups add up to the sum of all. Every figure is exact: sums of whole
 * numbers, as bigint where 53 bits may not do.
 */
export interface LedgerSums {
  /** The values of `by`; undefined for entries that have none. A day as `2026-11-28`. */
  readonly group: Readonly<Partial<Record<Grouping, string | undefined>>>;
  readonly exchanges: number;
  /** Exchanges with an estimate in them. */
  readonly estimatedExchanges: number;
  /** Sum over the exchanges, in microseconds. */
  readonly latencyUs: bigint;
  readonly routingCostNanoUsd: PartialSum;
  readonly attempts: number;
  readonly estimatedAttempts: number;
  readonly costNanoUsd: PartialSum;
  readonly tokens: Readonly<Record<TokenKind, bigint>>;
  /** By the name of the baseline. */
  readonly baselines: Readonly<Record<string, BaselineSum>>;
}

export const tokenKinds = ["input", "output", "cachedRead", "cacheWrite", "reasoning"] as const;

export type TokenKind = (typeof tokenKinds)[number];

export interface BaselineSum extends PartialSum {
  /** Exchanges that have this baseline, those included that do not know its cost. */
  readonly exchanges: number;
}

/** What exchanges cost that chance has put into one arm, each with all of its attempts. */
export interface ArmCosts {
  readonly arm: LedgerArm;
  readonly exchanges: number;
  /** Those of them whose cost nobody knows; the rest below is of the others. */
  readonly unknown: number;
  readonly meanUsd: number;
  /** Of a single exchange's cost, in USD². */
  readonly variance: number;
}

export interface LedgerFacts {
  /** Product and version, e.g. `SQLite 3.45.1` or `PostgreSQL 17.12`. */
  readonly server: string;
  readonly entries: number;
  /** When the oldest entry's request came, in milliseconds since 1970; undefined: there is none. */
  readonly oldestMs: number | undefined;
  /** What the ledger takes on the disk, in bytes. */
  readonly bytes: number;
}

/**
 * Every method settles within the configured timeout, or as soon as `signal` is aborted, and rejects with a
 * `StoreError`. A store opens on first use, and again whenever it has lost its database; on opening it makes or migrates
 * the tables, also when several processes do so at once, and refuses those of a newer Sluice as `unfit`.
 */
export interface LedgerStore {
  /** Strategy and address without credentials, e.g. `sqlite at .sluice/ledger.db`. */
  readonly place: string;
  /**
   * Keeps them all, or none, durably. Lines whose id is there already change nothing, so that doing it again is
   * harmless. Fails as `invalid` when the database cannot take what is in a line.
   */
  append(lines: readonly EntryLine[], signal: AbortSignal): Promise<void>;
  /** Groups that have entries, in the order of their values. All figures are of one moment. */
  sums(query: SumsQuery, signal: AbortSignal): Promise<readonly LedgerSums[]>;
  /** The arms that have exchanges, `holdout` first. */
  arms(period: LedgerPeriod, signal: AbortSignal): Promise<readonly ArmCosts[]>;
  /**
   * Entries in the order of time, then id. Read in pages, each with the timeout to itself; what is written meanwhile is
   * met if it comes after what was read already.
   */
  entries(period: LedgerPeriod, signal: AbortSignal): AsyncIterable<LedgerEntry>;
  /** Deletes some of the entries older than this, oldest first, and says how many: 0 when none is left. */
  prune(beforeMs: number, signal: AbortSignal): Promise<number>;
  /** Also makes sure that the store can be written. */
  facts(signal: AbortSignal): Promise<LedgerFacts>;
  /** Ends the connections. Calls under way fail; later ones too. */
  close(): Promise<void>;
}

/** What a store may use of the world. */
export interface LedgerStoreServices {
  readonly schedule: Schedule;
  /** The process's own folder. */
  readonly prefix: string;
}

export interface LedgerStoreDefinition {
  /** The value of `ledger.strategy`. */
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  /** Where nothing is yet, for a store that would make it by looking; undefined: there is something to read. */
  missing?(options: LedgerOptions, services: LedgerStoreServices): string | undefined;
  /** Throws an `Error` that names the setting when it cannot work. Does no I/O but to read certificates. */
  create(options: LedgerOptions, services: LedgerStoreServices): LedgerStore;
}

/** Declares a member of the family; exists so that a typo in a definition is a compile error. */
export function defineLedgerStore<const Definition extends LedgerStoreDefinition>(
  definition: Definition,
): Definition {
  return definition;
}
