/** From the first format, of three tables, to one table: their rows, some at a time. SQLite writes distances to 15 digits. */
import { type RawBuilder, sql } from "kysely";
import type { Statement } from "../../sql/runner.ts";
import { attemptColumns, detailNames, type entryColumns } from "../columns.ts";
import { entryNames } from "./append.ts";
import type { SqlDialect } from "./dialect.ts";
import { attemptView, baselineView, entryTable, exchangeView } from "./tables.ts";

/** What the tables of the first format are called from then on: views have their names. */
export const movedTables = {
  [exchangeView]: "sluice_ledger_exchanges_1",
  [attemptView]: "sluice_ledger_attempts_1",
  [baselineView]: "sluice_ledger_baselines_1",
} as const;

/** Entries of one transaction: a tenth of a second. */
const most = 2000;

const exchanges = sql.table(movedTables[exchangeView]);
const attempts = sql.table(movedTables[attemptView]);
const baselines = sql.table(movedTables[baselineView]);

/** For one transaction. The last one says whether rows are left. Attempts and baselines go with their tables. */
export function moveStatements(dialect: SqlDialect): readonly Statement[] {
  const { builder, migrationLock } = dialect;
  const oldest = sql`(select id from ${exchanges} order by id limit ${sql.lit(most)})`;
  const columns = sql.join(entryNames.map((name) => sql.ref(name)));
  const cells = sql.join(entryNames.map((name) => cellOf(dialect, name)));
  return [
    ...migrationLock,
    sql`insert into ${sql.table(entryTable)} (${columns}) select ${cells} from ${exchanges} as x
      left join ${attempts} as a on a.exchange_id = x.id
        and a.position = (select max(position) from ${attempts} as l where l.exchange_id = x.id)
      where x.id in ${oldest} on conflict do nothing`,
    sql`delete from ${exchanges} where id in ${oldest}`,
    sql`select count(*) as ${sql.ref("left")} from (select 1 from ${exchanges} limit 1) as r`,
  ].map((statement) => statement.compile(builder));
}

const ofAttempt: ReadonlySet<string> = new Set(Object.keys(attemptColumns));
const ofBoth: ReadonlySet<string> = new Set(["target", "provider", "model", "is_estimated", "latency_us"]);

function cellOf(dialect: SqlDialect, name: keyof typeof entryColumns): RawBuilder<unknown> {
  const { object, objectOfRows, arrayOfRows } = dialect.jsonMakers;
  switch (name) {
    case "baselines":
      return sql`coalesce((select cast(${objectOfRows}(b.name, b.cost_nano_usd) as text)
        from ${baselines} as b where b.exchange_id = x.id), '{}')`;
    case "details":
      return sql`cast(${object}(${pairs("x", detailNames.exchange)}, ${pairs("a", detailNames.attempt)}) as text)`;
    case "earlier_attempts":
      return sql`(select nullif(cast(${arrayOfRows}(${object}(${pairs("p", [...ofAttempt])}) order by p.position) as text), '[]')
        from ${attempts} as p where p.exchange_id = x.id and p.position < a.position)`;
    case "attempt_is_estimated":
      return sql.ref("a.is_estimated");
    default:
      return sql.ref(`${ofAttempt.has(name) && !ofBoth.has(name) ? "a" : "x"}.${name}`);
  }
}

/** Names and values in turn. */
function pairs(table: string, names: readonly string[]): RawBuilder<unknown> {
  return sql.join(
    names.flatMap((name) => [sql.lit(name), sql.ref(`${table}.${name.replace(/^attempt_/, "")}`)]),
  );
}
