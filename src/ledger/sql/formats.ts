/** The formats that the tables have gone through, as statements. */
import { type CreateTableBuilder, sql } from "kysely";
import type { Statement } from "../../sql/runner.ts";
import { type Column, entryColumns } from "../columns.ts";
import type { SqlDialect } from "./dialect.ts";
import { movedTables } from "./move.ts";
import { entryTable, formatVersion, movingFormat, schemaTable } from "./tables.ts";
import { viewStatements } from "./views.ts";

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
 * What leads from a format to the next, or from nothing to ours, for one transaction. Of two processes that run it at
 * once the second waits, and then fails because the format is there, however long ago it was reached: PostgreSQL would
 * rename a view as willingly as the table that had its name.
 */
export function migration(dialect: SqlDialect, from: number): readonly Statement[] {
  const { builder, migrationLock } = dialect;
  const schema = builder.schema
    .createTable(schemaTable)
    .ifNotExists()
    .addColumn("format", "integer", (column) => column.primaryKey())
    .compile();
  const steps = [
    () => [schema, reached(dialect, formatVersion), ...entries(dialect)],
    () => [reached(dialect, movingFormat), ...setAside(dialect), ...entries(dialect)],
    () => [reached(dialect, formatVersion), ...dropMoved(dialect)],
  ];
  return [...migrationLock.map((lock) => lock.compile(builder)), ...(steps[from]?.() ?? [])];
}

function reached({ builder }: SqlDialect, format: number): Statement {
  return builder.insertInto(schemaTable).values({ format }).compile();
}

function entries(dialect: SqlDialect): readonly Statement[] {
  const { schema } = dialect.builder;
  const columns: readonly [string, Column][] = Object.entries(entryColumns);
  return [
    columns
      .reduce(
        (made: CreateTableBuilder<string, string>, [column, { type, isRequired }]) =>
          made.addColumn(column, type, (c) => (isRequired ? c.notNull() : c)),
        schema.createTable(entryTable).ifNotExists(),
      )
      .addPrimaryKeyConstraint(`${entryTable}_key`, ["id"])
      .compile(),
    schema
      .createIndex(`${entryTable}_time`)
      .ifNotExists()
      .on(entryTable)
      .columns(["time_ms", "id"])
      .compile(),
    // So that a report does not go through all entries a second time for those few.
    schema
      .createIndex(`${entryTable}_retried`)
      .ifNotExists()
      .on(entryTable)
      .column("time_ms")
      .where(sql.ref("earlier_attempts"), "is not", null)
      .compile(),
    ...viewStatements(dialect),
  ];
}

/** From here on a Sluice of the first format finds its tables gone, and, looking again, that it is too old. */
function setAside({ builder: { schema } }: SqlDialect): readonly Statement[] {
  return Object.entries(movedTables).map(([table, name]) =>
    schema.alterTable(table).renameTo(name).compile(),
  );
}

function dropMoved({ builder: { schema } }: SqlDialect): readonly Statement[] {
  return Object.values(movedTables).map((name) => schema.dropTable(name).ifExists().compile());
}
