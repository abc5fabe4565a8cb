/** All that the store says to a database, in one dialect. Loaded late: the query builder takes 0.2 s to load. */
import type { Statement } from "../../sql/runner.ts";
import type { LedgerPeriod, SumsQuery } from "../ledger-store.ts";
import type { Append } from "./append.ts";
import { armStatement } from "./arms.ts";
import type { SqlDialect } from "./dialect.ts";
import { type Page, pageStatement } from "./entries.ts";
import { countSchemaTables, migration, readFormat } from "./formats.ts";
import { moveStatements } from "./move.ts";
import { deleteStatement, oldestStatement } from "./prune.ts";
import { sumStatements } from "./sums.ts";
import { entryTable } from "./tables.ts";

export interface Queries {
  readonly countSchemaTables: Statement;
  readonly readFormat: Statement;
  migration(from: number): readonly Statement[];
  /** Moves some rows of the first format, and says whether there are more: one number, in the rows of the last one. */
  readonly move: readonly Statement[];
  readonly append: Append;
  sums(query: SumsQuery & LedgerPeriod): readonly Statement[];
  arms(period: LedgerPeriod): Statement;
  page(page: Page): Statement;
  oldest(beforeMs: number, limit: number): Statement;
  delete(ids: readonly string[]): Statement;
  readonly facts: Statement;
}

export function createQueries(dialect: SqlDialect): Queries {
  return {
    countSchemaTables: countSchemaTables(dialect),
    readFormat: readFormat(dialect),
    migration: (from) => migration(dialect, from),
    move: moveStatements(dialect),
    append: dialect.append,
    sums: (query) => sumStatements(dialect, query),
    arms: (period) => armStatement(dialect, period),
    page: (page) => pageStatement(dialect, page),
    oldest: (beforeMs, limit) => oldestStatement(dialect, beforeMs, limit),
    delete: (ids) => deleteStatement(dialect, ids),
    facts: factsStatement(dialect),
  };
}

function factsStatement({ builder, server, bytes }: SqlDialect): Statement {
  return builder
    .selectFrom(entryTable)
    .select((eb) => [
      eb.fn.countAll().as("entries"),
      eb.fn.min("time_ms").as("oldest"),
      server.as("server"),
      bytes.as("bytes"),
    ])
    .compile();
}
