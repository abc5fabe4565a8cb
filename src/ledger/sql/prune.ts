/** Deleting what is old, a little at a time. */
import { sql } from "kysely";
import type { Statement } from "../../sql/runner.ts";
import type { SqlDialect } from "./dialect.ts";
import { entryTable } from "./tables.ts";

export function oldestStatement({ builder }: SqlDialect, beforeMs: number, limit: number): Statement {
  return builder
    .selectFrom(entryTable)
    .select("id")
    .where("time_ms", "<", beforeMs)
    .orderBy("time_ms")
    .orderBy("id")
    .limit(limit)
    .compile();
}

export function deleteStatement(dialect: SqlDialect, ids: readonly string[]): Statement {
  const { builder, elements, parameter } = dialect;
  const json = JSON.stringify(ids.map((id) => ({ id })));
  const listed = builder
    .selectFrom(elements(parameter(json)).as("e"))
    .select(sql<string>`e.value ->> 'id'`.as("id"));
  return builder.deleteFrom(entryTable).where("id", "in", listed).compile();
}
