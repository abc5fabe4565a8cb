/**
 * The first form of a line, which a Sluice of that time may have left in the spool: rows of the attempts, rows of the
 * baselines, then the exchange's own cells, all by position.
 */

import type { Row } from "../sql/rows.ts";
import { attemptColumns, baselineColumns, exchangeColumns } from "./columns.ts";
import type { LedgerEntry } from "./entry.ts";
import { readAttempt, readBaseline, readExchange } from "./sql/entry-rows.ts";

/** Undefined, or an error, when it is none. */
export function parseFirstLine(value: readonly unknown[]): LedgerEntry | undefined {
  const [attempts, baselines, ...exchange] = value;
  if (!Array.isArray(attempts) || !Array.isArray(baselines)) return undefined;
  return {
    ...readExchange(rowOf(exchangeColumns, exchange)),
    attempts: attempts.map((cells: unknown) => readAttempt(rowOf(attemptColumns, cells))),
    baselines: baselines.map((cells: unknown) => readBaseline(rowOf(baselineColumns, cells))),
  };
}

function rowOf(columns: object, cells: unknown): Row {
  if (!Array.isArray(cells)) return {};
  return Object.fromEntries(Object.keys(columns).map((name, index) => [name, cells[index]]));
}
