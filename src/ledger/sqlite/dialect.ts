/** SQLite's own words. */
import { DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler, sql } from "kysely";
import type { JsonElement, JsonField, SqlDialect } from "../sql/dialect.ts";
import type { LedgerTables } from "../sql/tables.ts";
import { createSqliteAppend } from "./append.ts";

export function createSqliteDialect(): SqlDialect {
  const builder = new Kysely<LedgerTables>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (database) => new SqliteIntrospector(database),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  });
  return {
    builder,
    append: createSqliteAppend(builder),
    elements: (json) => sql<JsonElement>`json_each(${json})`,
    fields: (json) => sql<JsonField>`json_each(${json})`,
    parsed: (column) => column,
    jsonMakers: {
      object: sql`json_object`,
      objectOfRows: sql`json_group_object`,
      arrayOfRows: sql`json_group_array`,
    },
    remadeView: (view) => view.ifNotExists(),
    parameter: (json) => sql`${json}`,
    countTables: (name) =>
      sql<number>`(select count(*) from sqlite_master where type = 'table' and name = ${name})`,
    // BEGIN IMMEDIATE is one.
    migrationLock: [],
    server: sql<string>`'SQLite ' || sqlite_version()`,
    bytes: sql<number>`(select page_count * page_size from pragma_page_count(), pragma_page_size())`,
  };
}
