/** Deleting what is old, a little at a time. */
import { sql } from "kysely";
import type { Statement } from "../../sql/runner.ts";
import type { SqlDialect } from "./dialect.ts";
import { attemptTable, baselineTable, exchangeTable } from "./tables.ts";

export function oldestStatement({ builder }: SqlDialect, beforeMs: number, limit: number): Statement {
  return builder
    .selectFrom(exchangeTable)
    .select("id")
    .where("time_ms", "<", beforeMs)
    .orderBy("time_ms")
    .orderBy("id")
    .limit(limit)
    .compile();
}

/** For one transaction: exchanges and all that belongs to them. */
export function deleteStatements(dialect: SqlDialect, ids: readonly string[]): readonly Statement[] {
  const { builder, elements, parameter } = dialect;
  const json = JSON.stringify(ids.map((id) => ({ id })));
  const listed = () =>
    builder.selectFrom(elements(parameter(json)).as("e")).select(sql<string>`e.value ->> 'id'`.as("id"));
  return [
    builder.deleteFrom(attemptTable).where("exchange_id", "in", listed()).compile(),
    builder.deleteFrom(baselineTable).where("exchange_id", "in", listed()).compile(),
    builder.deleteFrom(exchangeTable).where("id", "in", listed()).compile(),
  ];
}
