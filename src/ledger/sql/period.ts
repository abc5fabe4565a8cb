/** Entries within a stretch of time. */
import type { ExpressionBuilder } from "kysely";
import type { LedgerPeriod } from "../ledger-store.ts";
import type { exchangeTable, LedgerTables } from "./tables.ts";

type Exchanges = LedgerTables & { x: LedgerTables[typeof exchangeTable] };

/** For a query that has the exchanges as `x`. */
export function within({ fromMs, untilMs }: LedgerPeriod) {
  return (eb: ExpressionBuilder<Exchanges, "x">) =>
    eb.and([
      ...(fromMs === undefined ? [] : [eb("x.time_ms", ">=", fromMs)]),
      ...(untilMs === undefined ? [] : [eb("x.time_ms", "<", untilMs)]),
    ]);
}
