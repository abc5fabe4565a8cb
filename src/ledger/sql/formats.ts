/** The formats that the tables have gone through, as statements. */
import type { CreateTableBuilder } from "kysely";
import type { Statement } from "../../sql/runner.ts";
import { attemptColumns, baselineColumns, type Column, exchangeColumns } from "../columns.ts";
import type { SqlDialect } from "./dialect.ts";
import { attemptTable, baselineTable, exchangeTable, schemaTable } from "./tables.ts";

/** The format that this version of Sluice writes: how many of `formatsAfter` a database has gone through. */
export const formatVersion = 1;

/** Finds out whether there is a format to be read. */
export function countSchemaTables({ builder, countTables }: SqlDialect): Statement {
  return builder.selectNoFrom(countTables(schemaTable).as("tables")).compile();
}

export function readFormat({ builder }: SqlDialect): Statement {
  return builder
    .selectFrom(schemaTable)
    .select((eb) => eb.fn.coalesce(eb.fn.max("format"), eb.lit(0)).as("format"))
    .compile();
}

/**
 * What leads from a format to ours, for one transaction. Of two processes that run it at once the second waits, and
 * then meets what the first has made.
 */
export function migration(dialect: SqlDialect, from: number): readonly Statement[] {
  const { builder, migrationLock } = dialect;
  const formats: readonly (() => readonly Statement[])[] = [() => first(dialect)];
  const schema = builder.schema
    .createTable(schemaTable)
    .ifNotExists()
    .addColumn("format", "integer", (column) => column.primaryKey())
    .compile();
  const steps = formats.slice(from).flatMap((statements, index) => [
    ...statements(),
    builder
      .insertInto(schemaTable)
      .values({ format: from + index + 1 })
      .onConflict((conflict) => conflict.doNothing())
      .compile(),
  ]);
  return [...migrationLock.map((lock) => lock.compile(builder)), schema, ...steps];
}

/** There are no foreign keys: whoever deletes an exchange deletes its rows, in the same transaction. */
function first({ builder: { schema }, keyedTable }: SqlDialect): readonly Statement[] {
  const table = (name: string, columns: Readonly<Record<string, Column>>, key: readonly string[]) =>
    Object.entries(columns)
      .reduce(
        (made: CreateTableBuilder<string, string>, [column, { type, isRequired }]) =>
          made.addColumn(column, type, (c) => (isRequired ? c.notNull() : c)),
        schema.createTable(name).ifNotExists(),
      )
      .addPrimaryKeyConstraint(`${name}_key`, [...key])
      .$call((made) => (key.length > 1 ? made.modifyEnd(keyedTable) : made))
      .compile();
  const owner = { exchange_id: { type: "text", isRequired: true } } as const;
  return [
    table(exchangeTable, exchangeColumns, ["id"]),
    table(attemptTable, { ...owner, ...attemptColumns }, ["exchange_id", "position"]),
    table(baselineTable, { ...owner, ...baselineColumns }, ["exchange_id", "name"]),
    schema
      .createIndex(`${exchangeTable}_time`)
      .ifNotExists()
      .on(exchangeTable)
      .columns(["time_ms", "id"])
      .compile(),
  ];
}
