/**
 * Writing entries: the database takes a batch apart itself, from one parameter of JSON. So a batch of any size is the
 * same three statements, written once, and nothing of it is built on the gateway's thread.
 */
import { type RawBuilder, sql } from "kysely";
import type { Statement } from "../../sql/runner.ts";
import { attemptColumns, baselineColumns, type Column, exchangeColumns } from "../columns.ts";
import { lineParts } from "../entry-line.ts";
import type { SqlDialect } from "./dialect.ts";
import { attemptTable, baselineTable, exchangeTable } from "./tables.ts";

/** Makes the statements that keep a JSON array of entries. */
export type Append = (json: string) => readonly Statement[];

/**
 * Attempts and baselines first, as long as it can be seen whether their exchange is there already: a second entry with
 * the same id must not add its rows to those of the first.
 */
export function createAppend(dialect: SqlDialect): Append {
  const templates = [
    ownedRows(dialect, attemptTable),
    ownedRows(dialect, baselineTable),
    exchangeRows(dialect),
  ];
  return (json) => templates.map((template) => ({ sql: template.sql, parameters: [json] }));
}

function exchangeRows({ builder, elements, parameter }: SqlDialect): Statement {
  const rows = builder
    .selectFrom(elements(parameter("")).as("e"))
    .select(valuesOf("e", exchangeColumns, lineParts.exchange))
    // Without a condition SQLite takes the ON of ON CONFLICT for that of a join.
    .where(sql<boolean>`true`);
  return builder
    .insertInto(exchangeTable)
    .columns(namesOf(exchangeColumns))
    .expression(rows)
    .onConflict((conflict) => conflict.doNothing())
    .compile();
}

function ownedRows(
  { builder, elements, parameter }: SqlDialect,
  table: typeof attemptTable | typeof baselineTable,
): Statement {
  const [position, columns] =
    table === attemptTable
      ? ([lineParts.attempts, attemptColumns] as const)
      : ([lineParts.baselines, baselineColumns] as const);
  const id = sql<string>`e.value ->> ${sql.lit(lineParts.exchange)}`;
  const rows = builder
    .selectFrom([elements(parameter("")).as("e"), elements(sql`e.value -> ${sql.lit(position)}`).as("o")])
    .select([id.as("exchange_id"), ...valuesOf("o", columns, 0)])
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom(`${exchangeTable} as x`).select(sql.lit(1).as("one")).where("x.id", "=", id))),
    );
  return builder
    .insertInto(table)
    .columns(["exchange_id", ...namesOf(columns)] as never) // the union of both tables' columns is too wide to infer
    .expression(rows)
    .onConflict((conflict) => conflict.doNothing())
    .compile();
}

function namesOf<Columns extends Readonly<Record<string, Column>>>(
  columns: Columns,
): (keyof Columns & string)[] {
  return Object.keys(columns);
}

/** The cells of an element from a position on. */
function valuesOf(element: "e" | "o", columns: Readonly<Record<string, Column>>, from: number) {
  return Object.entries(columns).map(([name, { type }], index) =>
    cast(sql`${sql.ref(`${element}.value`)} ->> ${sql.lit(from + index)}`, type).as(name),
  );
}

function cast(value: RawBuilder<unknown>, type: Column["type"]): RawBuilder<unknown> {
  return type === "text" ? value : sql`cast(${value} as ${sql.raw(type)})`;
}
