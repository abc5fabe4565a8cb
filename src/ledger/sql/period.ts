/** Entries within a stretch of time. */
import type { ExpressionBuilder } from "kysely";
import type { LedgerPeriod } from "../ledger-store.ts";

interface Timed {
  x: { time_ms: number };
}

/** For a query that has the table or view as `x`. */
export function within({ fromMs, untilMs }: LedgerPeriod) {
  return <Database extends Timed>(eb: ExpressionBuilder<Database, "x">) => {
    const timed = eb as unknown as ExpressionBuilder<Timed, "x">; // all have the column
    return timed.and([
      ...(fromMs === undefined ? [] : [timed("x.time_ms", ">=", fromMs)]),
      ...(untilMs === undefined ? [] : [timed("x.time_ms", "<", untilMs)]),
    ]);
  };
}
