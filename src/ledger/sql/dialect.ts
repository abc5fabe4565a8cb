/** What the two dialects do not share. Everything else is one set of queries. */
import type { RawBuilder } from "kysely";
import type { LedgerBuilder } from "./tables.ts";

export interface SqlDialect {
  /** Builds queries; never runs them. */
  readonly builder: LedgerBuilder;
  /** The elements of a JSON array as rows with the column `value`, whose parts `->` and `->>` take. */
  elements(json: RawBuilder<unknown>): RawBuilder<JsonElement>;
  /** A parameter that holds a JSON text. */
  parameter(json: string): RawBuilder<unknown>;
  /** One number: how many tables of this name there are to be found. */
  readonly countTables: (name: string) => RawBuilder<number>;
  /** What ends the definition of a table whose rows are short and found by their key. */
  readonly keyedTable: RawBuilder<unknown>;
  /** What stands before a migration, so that one process at a time goes through it. */
  readonly migrationLock: readonly RawBuilder<unknown>[];
  /** One text: product and version. */
  readonly server: RawBuilder<string>;
  /** One number: bytes on the disk. */
  readonly bytes: RawBuilder<number>;
}

export interface JsonElement {
  readonly value: unknown;
}
