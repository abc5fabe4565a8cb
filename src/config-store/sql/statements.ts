/** All that the store says to a database. Parameters are numbered as PostgreSQL does it; `SqlWords` tells what differs. */
import type { Statement } from "../../sql/runner.ts";
import { type ConfigWrite, keptChanges } from "../config-store.ts";

export const configTables = {
  schema: "sluice_config_schema",
  changes: "sluice_config_changes",
  entities: "sluice_config_entities",
} as const;

/** The format of the tables that this version of Sluice makes. */
export const formatVersion = 1;

export interface SqlWords {
  /** The elements of a JSON array in a parameter, as rows `e` with a column `value` that `->>` takes apart. */
  elements(parameter: string): string;
  /** One number: whether there is a table. */
  hasTable(name: string): string;
  /** What stands before a migration, so that one process at a time goes through it. */
  readonly migrationLock: readonly string[];
  /** A parameter in this database's way of writing. */
  numbered(sql: string): string;
}

export interface ConfigStatements {
  readonly hasSchema: Statement;
  readonly format: Statement;
  readonly migration: readonly Statement[];
  readonly version: Statement;
  readonly entities: Statement;
  /** The last one tells by its `own` whether the write took place. */
  write(write: ConfigWrite, token: string): readonly Statement[];
  audit(page: { readonly before?: number; readonly limit: number }): Statement;
}

export function createStatements(words: SqlWords): ConfigStatements {
  const { changes, entities, schema } = configTables;
  const say = (sql: string, ...parameters: readonly unknown[]): Statement => ({
    sql: words.numbered(sql),
    parameters,
  });
  return {
    hasSchema: say(`select ${words.hasTable(schema)} as tables`),
    format: say(`select coalesce(max(format), 0) as format from ${schema}`),
    migration: [
      ...words.migrationLock.map((lock) => say(lock)),
      say(`create table if not exists ${schema} (format integer primary key)`),
      say(
        `create table if not exists ${changes} (version bigint primary key, token text not null, time_ms bigint not null, ` +
          "actor text not null, source text not null, changes text not null)",
      ),
      say(
        `create table if not exists ${entities} (kind text not null, id text not null, record text not null, primary key (kind, id))`,
      ),
      say(`insert into ${schema} (format) values (${formatVersion}) on conflict do nothing`),
    ],
    version: say(`select coalesce(max(version), 0) as version from ${changes}`),
    entities: say(`select kind, id, record from ${entities} order by kind, id`),
    write: ({ audit, expected, put, remove }, token) => {
      const version = expected + 1;
      // Ours, and the newest: a write that is repeated after others have followed it does nothing.
      const isOurs =
        `exists (select 1 from ${changes} where version = $1 and token = $2) ` +
        `and (select max(version) from ${changes}) = $1`;
      const { actor, changes: list, source, timeMs } = audit;
      return [
        say(
          `insert into ${changes} (version, token, time_ms, actor, source, changes) ` +
            `select cast($1 as bigint), cast($2 as text), cast($3 as bigint), cast($4 as text), cast($5 as text), cast($6 as text) ` +
            `where (select coalesce(max(version), 0) from ${changes}) = $1 - 1 on conflict do nothing`,
          version,
          token,
          timeMs,
          actor,
          source,
          JSON.stringify(list),
        ),
        say(
          `delete from ${entities} where ${isOurs} and exists (select 1 from ${words.elements("$3")} ` +
            `where ${entities}.kind = e.value ->> 0 and ${entities}.id = e.value ->> 1)`,
          version,
          token,
          JSON.stringify(remove.map(({ id, kind }) => [kind, id])),
        ),
        say(
          `insert into ${entities} (kind, id, record) select e.value ->> 0, e.value ->> 1, e.value ->> 2 ` +
            `from ${words.elements("$3")} where ${isOurs} on conflict (kind, id) do update set record = excluded.record`,
          version,
          token,
          JSON.stringify(put.map(({ id, kind, record }) => [kind, id, JSON.stringify(record)])),
        ),
        say(`delete from ${changes} where version <= $1 - ${keptChanges} and ${isOurs}`, version, token),
        say(`select count(*) as own from ${changes} where version = $1 and token = $2`, version, token),
      ];
    },
    audit: ({ before = Number.MAX_SAFE_INTEGER, limit }) =>
      say(
        `select version, time_ms, actor, source, changes from ${changes} where version < $1 order by version desc limit $2`,
        before,
        limit,
      ),
  };
}
