/** SQLite's own words. */
import { DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler, sql } from "kysely";
import type { JsonElement, SqlDialect } from "../sql/dialect.ts";

export function createSqliteDialect(): SqlDialect {
  return {
    builder: new Kysely({
      dialect: {
        createAdapter: () => new SqliteAdapter(),
        createDriver: () => new DummyDriver(),
        createIntrospector: (database) => new SqliteIntrospector(database),
        createQueryCompiler: () => new SqliteQueryCompiler(),
      },
    }),
    elements: (json) => sql<JsonElement>`json_each(${json})`,
    parameter: (json) => sql`${json}`,
    countTables: (name) =>
      sql<number>`(select count(*) from sqlite_master where type = 'table' and name = ${name})`,
    // Such a table is its own index.
    keyedTable: sql`without rowid`,
    // BEGIN IMMEDIATE is one.
    migrationLock: [],
    server: sql<string>`'SQLite ' || sqlite_version()`,
    bytes: sql<number>`(select page_count * page_size from pragma_page_count(), pragma_page_size())`,
  };
}
