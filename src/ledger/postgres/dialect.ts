/** PostgreSQL's own words. */
import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type RawBuilder,
  sql,
} from "kysely";
import type { JsonElement, JsonField, SqlDialect } from "../sql/dialect.ts";
import { type LedgerTables, ledgerTables } from "../sql/tables.ts";
import { createPostgresAppend } from "./append.ts";

export function createPostgresDialect(): SqlDialect {
  const builder = new Kysely<LedgerTables>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (database) => new PostgresIntrospector(database),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  });
  return {
    builder,
    elements,
    parameter,
    append: createPostgresAppend({ builder, elements, parameter }),
    fields: (json) => sql<JsonField>`jsonb_each_text(${json})`,
    parsed: (column) => sql`cast(${column} as jsonb)`,
    jsonMakers: {
      object: sql`json_build_object`,
      objectOfRows: sql`json_object_agg`,
      arrayOfRows: sql`json_agg`,
    },
    remadeView: (view) => view.orReplace(),
    countTables: (name) => sql<number>`(to_regclass(${name}) is not null)::integer`,
    // The two halves of an advisory lock's key: "sluc", and the ledger's schema; vectors have 1.
    migrationLock: [sql`select pg_advisory_xact_lock(1936487779, 2)`],
    server: sql<string>`'PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1)`,
    bytes: sql<number>`(${sql.join(
      ledgerTables.map((table) => sql`pg_total_relation_size(to_regclass(${sql.lit(table)}))`),
      sql` + `,
    )})`,
  };
}

function elements(json: RawBuilder<unknown>): RawBuilder<JsonElement> {
  return sql<JsonElement>`jsonb_array_elements(${json})`;
}

function parameter(json: string): RawBuilder<unknown> {
  return sql`cast(${json} as jsonb)`;
}
