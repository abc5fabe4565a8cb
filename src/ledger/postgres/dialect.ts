/** PostgreSQL's own words. */
import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  sql,
} from "kysely";
import type { JsonElement, SqlDialect } from "../sql/dialect.ts";
import { ledgerTables } from "../sql/tables.ts";

export function createPostgresDialect(): SqlDialect {
  return {
    builder: new Kysely({
      dialect: {
        createAdapter: () => new PostgresAdapter(),
        createDriver: () => new DummyDriver(),
        createIntrospector: (database) => new PostgresIntrospector(database),
        createQueryCompiler: () => new PostgresQueryCompiler(),
      },
    }),
    elements: (json) => sql<JsonElement>`jsonb_array_elements(${json})`,
    parameter: (json) => sql`cast(${json} as jsonb)`,
    countTables: (name) => sql<number>`(to_regclass(${name}) is not null)::integer`,
    keyedTable: sql``,
    // The two halves of an advisory lock's key: "sluc", and the ledger's schema; vectors have 1.
    migrationLock: [sql`select pg_advisory_xact_lock(1936487779, 2)`],
    server: sql<string>`'PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1)`,
    bytes: sql<number>`(${sql.join(
      ledgerTables.map((table) => sql`pg_total_relation_size(to_regclass(${sql.lit(table)}))`),
      sql` + `,
    )})`,
  };
}
