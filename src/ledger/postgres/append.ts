/**
 * Writing entries to PostgreSQL: the server takes a batch apart itself, from one parameter of JSON. So a batch of any size
 * is the same statement, and nothing of it is built on the gateway's thread.
 */
import { type RawBuilder, sql } from "kysely";
import { entryColumns } from "../columns.ts";
import { type Append, entryNames } from "../sql/append.ts";
import type { SqlDialect } from "../sql/dialect.ts";
import { entryTable } from "../sql/tables.ts";

export function createPostgresAppend({
  builder,
  elements,
  parameter,
}: Pick<SqlDialect, "builder" | "elements" | "parameter">): Append {
  const rows = builder
    .selectFrom(elements(parameter("")).as("e"))
    .select(entryNames.map((name, index) => cell(name, index).as(name)));
  const { sql: text } = builder
    .insertInto(entryTable)
    .columns(entryNames)
    .expression(rows)
    .onConflict((conflict) => conflict.doNothing())
    .compile();
  return (lines) => [{ sql: text, parameters: [`[${lines.map(({ json }) => json).join(",")}]`] }];
}

function cell(name: keyof typeof entryColumns, index: number): RawBuilder<unknown> {
  const { type } = entryColumns[name];
  const value = sql`e.value ->> ${sql.lit(index)}`;
  return type === "text" ? value : sql`cast(${value} as ${sql.raw(type)})`;
}
