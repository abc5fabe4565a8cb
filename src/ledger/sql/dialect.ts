/** What the two dialects do not share. Everything else is one set of queries. */
import type { CreateViewBuilder, RawBuilder } from "kysely";
import type { Append } from "./append.ts";
import type { LedgerBuilder } from "./tables.ts";

export interface SqlDialect {
  /** Builds queries; never runs them. */
  readonly builder: LedgerBuilder;
  /** The elements of a JSON array as rows with the column `value`, whose parts `->` and `->>` take. */
  elements(json: RawBuilder<unknown>): RawBuilder<JsonElement>;
  /** The fields of a JSON object as rows. */
  fields(json: RawBuilder<unknown>): RawBuilder<JsonField>;
  /** A parameter that holds a JSON text. */
  parameter(json: string): RawBuilder<unknown>;
  /** JSON of a column of text. */
  parsed(column: RawBuilder<unknown>): RawBuilder<unknown>;
  /** Names of the functions that make JSON. */
  readonly jsonMakers: JsonMakers;
  /** The statements that keep a batch. */
  readonly append: Append;
  /** For a view that may be there already. */
  readonly remadeView: (view: CreateViewBuilder) => CreateViewBuilder;
  /** One number: how many tables of this name there are to be found. */
  readonly countTables: (name: string) => RawBuilder<number>;
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

export interface JsonField {
  readonly key: string;
  readonly value: unknown;
}

export interface JsonMakers {
  /** Of names and values in turn. */
  readonly object: RawBuilder<unknown>;
  /** Of rows, each a name and a value. */
  readonly objectOfRows: RawBuilder<unknown>;
  /** Of rows, each an element. */
  readonly arrayOfRows: RawBuilder<unknown>;
}
