/** Reading entries back, a page at a time. */
import type { Statement } from "../../sql/runner.ts";
import type { LedgerPeriod } from "../ledger-store.ts";
import type { SqlDialect } from "./dialect.ts";
import { within } from "./period.ts";
import { entryTable } from "./tables.ts";

/** The last entry of a page; the next one begins after it. */
export interface PageEnd {
  readonly timeMs: number;
  readonly id: string;
}

export interface Page extends LedgerPeriod {
  readonly after: PageEnd | undefined;
  readonly limit: number;
}

/** `readEntry` takes its rows. */
export function pageStatement({ builder }: SqlDialect, { after, limit, ...period }: Page): Statement {
  return builder
    .selectFrom(`${entryTable} as x`)
    .selectAll()
    .where(within(period))
    .$if(after !== undefined, (query) =>
      query.where((eb) =>
        after === undefined
          ? eb.lit(true)
          : // The first condition is what an index can be entered by.
            eb.and([
              eb("x.time_ms", ">=", after.timeMs),
              eb.or([eb("x.time_ms", ">", after.timeMs), eb("x.id", ">", after.id)]),
            ]),
      ),
    )
    .orderBy("x.time_ms")
    .orderBy("x.id")
    .limit(limit)
    .compile();
}
