/** All that the store says to a database. They are few and fixed: a query builder would only take 0.2 s to load. */
import type { Statement } from "../../sql/runner.ts";
import { type AuditPage, keptChanges } from "../config-store.ts";
import { configTables, tableStatements } from "./tables.ts";
import type { SqlWords } from "./words.ts";
import { createWrite, type WriteStatements } from "./write.ts";

export interface ConfigStatements {
  readonly countSchemaTables: Statement;
  readonly readFormat: Statement;
  readonly migration: readonly Statement[];
  readonly version: Statement;
  readonly entities: Statement;
  readonly write: WriteStatements;
  audit(page: AuditPage): Statement;
}

export function createStatements(words: SqlWords): ConfigStatements {
  const { schema, changes, entities } = configTables;
  const say = (sql: string, ...parameters: readonly unknown[]): Statement => ({
    sql: words.numbered(sql),
    parameters,
  });
  return {
    countSchemaTables: say(`select ${words.hasTable(schema)} as tables`),
    readFormat: say(`select coalesce(max(format), 0) as format from ${schema}`),
    migration: tableStatements(words),
    version: say(`select coalesce(max(version), 0) as version from ${changes}`),
    entities: say(`select kind, id, record from ${entities} order by kind, id`),
    write: createWrite(words, keptChanges),
    audit: ({ before = Number.MAX_SAFE_INTEGER, limit }) =>
      say(
        `select version, time_ms, actor, source, changes from ${changes} where version < $1 order by version desc limit $2`,
        before,
        limit,
      ),
  };
}
