/** All that the store says to a database. They are few and fixed: a query builder would only take 0.2 s to load. */
import type { Statement } from "../../sql/runner.ts";
import { type AuditPage, keptAnnouncements, keptChanges } from "../config-store.ts";
import { type AnnounceStatements, createAnnounce } from "./announce.ts";
import { configTables, tableStatements } from "./tables.ts";
import type { SqlWords } from "./words.ts";
import { createWrite, type WriteStatements } from "./write.ts";

export interface ConfigStatements {
  readonly countSchemaTables: Statement;
  readonly readFormat: Statement;
  readonly migration: readonly Statement[];
  readonly version: Statement;
  readonly announce: AnnounceStatements;
  readonly entities: Statement;
  readonly write: WriteStatements;
  /** A row for each announcement, at least one; each has the `version` and the `last` number. */
  news(after: number): Statement;
  audit(page: AuditPage): Statement;
}

export function createStatements(words: SqlWords): ConfigStatements {
  const { schema, changes, entities, announcements } = configTables;
  const say = (sql: string, ...parameters: readonly unknown[]): Statement => ({
    sql: words.numbered(sql),
    parameters,
  });
  const newest = `select coalesce(max(version), 0) from ${changes}`;
  const last = `select coalesce(max(number), 0) from ${announcements}`;
  return {
    countSchemaTables: say(`select ${words.hasTable(schema)} as tables`),
    readFormat: say(`select coalesce(max(format), 0) as format from ${schema}`),
    migration: tableStatements(words),
    version: say(`select (${newest}) as version`),
    entities: say(`select kind, id, record from ${entities} order by kind, id`),
    write: createWrite(words, keptChanges),
    announce: createAnnounce(words, keptAnnouncements),
    news: (after) =>
      say(
        `select v.version, v.last, a.number, a.sender, a.time_ms, a.body ` +
          `from (select (${newest}) as version, (${last}) as last) as v left join ${announcements} as a ` +
          "on a.number > cast($1 as bigint) order by a.number",
        after,
      ),
    audit: ({ before = Number.MAX_SAFE_INTEGER, limit }) =>
      say(
        `select version, time_ms, actor, source, changes from ${changes} where version < $1 order by version desc limit $2`,
        before,
        limit,
      ),
  };
}
