/** What exchanges cost in each arm of a holdout: their number, mean and variance. */
import { sql } from "kysely";
import { oneOf, optionalNumber, type Row, whole } from "../../sql/rows.ts";
import type { Statement } from "../../sql/runner.ts";
import { arms } from "../entry.ts";
import type { ArmCosts, LedgerPeriod } from "../ledger-store.ts";
import type { SqlDialect } from "./dialect.ts";
import { within } from "./period.ts";
import { attemptView } from "./tables.ts";

/** `toArms` takes its rows. An exchange costs what all of its attempts cost; with one of them unknown, it is unknown. */
export function armStatement({ builder }: SqlDialect, period: LedgerPeriod): Statement {
  return builder
    .selectFrom(
      builder
        .selectFrom(`${attemptView} as x`)
        .where(within(period))
        .where("x.arm", "is not", null)
        .select([
          "x.exchange_id",
          "x.arm",
          sql<number>`cast(sum(x.cost_nano_usd) as double precision) / 1000000000`.as("usd"),
          sql<number>`count(*) - count(x.cost_nano_usd)`.as("unknown"),
        ])
        .groupBy(["x.exchange_id", "x.arm"])
        .as("c"),
    )
    .select([
      "c.arm",
      sql<string>`cast(count(*) as text)`.as("exchanges"),
      sql<string>`cast(sum(case when c.unknown > 0 then 1 else 0 end) as text)`.as("unknown"),
      sql<number>`avg(case when c.unknown = 0 then c.usd end)`.as("mean"),
      sql<number>`avg(case when c.unknown = 0 then c.usd * c.usd end)`.as("squares"),
    ])
    .groupBy("c.arm")
    .compile();
}

export function toArms(rows: readonly Row[]): readonly ArmCosts[] {
  return rows
    .map((row) => {
      const exchanges = whole(row, "exchanges");
      const unknown = whole(row, "unknown");
      const known = exchanges - unknown;
      const meanUsd = optionalNumber(row, "mean") ?? 0;
      const squares = optionalNumber(row, "squares") ?? 0;
      // Of a sample; rounding must not make it negative where all cost the same.
      const variance = known < 2 ? 0 : (Math.max(0, squares - meanUsd * meanUsd) * known) / (known - 1);
      return { arm: oneOf(row, "arm", arms), exchanges, unknown, meanUsd, variance };
    })
    .toSorted((a, b) => arms.indexOf(a.arm) - arms.indexOf(b.arm));
}
