/** The entries as three tables: exchanges, attempts, baselines. */
import { type RawBuilder, sql } from "kysely";
import type { Statement } from "../../sql/runner.ts";
import { attemptColumns, type Column, detailNames, exchangeColumns } from "../columns.ts";
import type { SqlDialect } from "./dialect.ts";
import { attemptView, baselineView, entryTable, exchangeView } from "./tables.ts";

/** Makes those that are missing. */
export function viewStatements(dialect: SqlDialect): readonly Statement[] {
  const { builder, remadeView } = dialect;
  const entries = builder.selectFrom(`${entryTable} as e`);
  const views = [
    [exchangeView, entries.select(exchangeCells(dialect))],
    [
      attemptView,
      entries
        .select(lastAttempt(dialect))
        .where("e.target", "is not", null)
        .unionAll(earlierAttempts(dialect)),
    ],
    [baselineView, baselines(dialect)],
  ] as const;
  return views.map(([name, query]) => remadeView(builder.schema.createView(name)).as(query).compile());
}

function exchangeCells(dialect: SqlDialect) {
  const inDetails: readonly string[] = detailNames.exchange;
  return Object.entries(exchangeColumns).map(([name, { type }]) =>
    (inDetails.includes(name) ? detail(dialect, name, type) : sql.ref(`e.${name}`)).as(name),
  );
}

function lastAttempt(dialect: SqlDialect) {
  const inDetails: readonly string[] = detailNames.attempt;
  const cells = Object.entries(attemptColumns).map(([name, { type }]) => {
    // An exchange has these, too.
    const kept = name === "is_estimated" || name === "latency_us" ? `attempt_${name}` : name;
    return (inDetails.includes(kept) ? detail(dialect, kept, type) : sql.ref(`e.${kept}`)).as(name);
  });
  return [
    sql.ref("e.id").as("exchange_id"),
    ...cells,
    ...ofExchange(["time_ms", "route", "consumer", "arm"]),
  ];
}

function earlierAttempts({ builder, elements, parsed }: SqlDialect) {
  const cells = Object.entries(attemptColumns).map(([name, { type }]) =>
    cast(sql`a.value ->> ${sql.lit(name)}`, type).as(name),
  );
  return builder
    .selectFrom([`${entryTable} as e`, elements(parsed(sql.ref("e.earlier_attempts"))).as("a")])
    .select([
      sql.ref("e.id").as("exchange_id"),
      ...cells,
      ...ofExchange(["time_ms", "route", "consumer", "arm"]),
    ])
    .where("e.earlier_attempts", "is not", null);
}

function baselines({ builder, fields, parsed }: SqlDialect) {
  return builder
    .selectFrom([`${entryTable} as e`, fields(parsed(sql.ref("e.baselines"))).as("b")])
    .select([
      "e.id as exchange_id",
      "b.key as name",
      sql`cast(b.value as bigint)`.as("cost_nano_usd"),
      ...ofExchange(["time_ms", "route", "consumer", "target", "provider", "model"]),
    ]);
}

/** What reports ask for. */
function ofExchange(names: readonly string[]) {
  return names.map((name) => sql.ref(`e.${name}`).as(name));
}

function detail({ parsed }: SqlDialect, name: string, type: Column["type"]): RawBuilder<unknown> {
  return cast(sql`${parsed(sql.ref("e.details"))} ->> ${sql.lit(name)}`, type);
}

function cast(value: RawBuilder<unknown>, type: Column["type"]): RawBuilder<unknown> {
  return type === "text" ? value : sql`cast(${value} as ${sql.raw(type)})`;
}
