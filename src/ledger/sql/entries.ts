/** Reading entries back, a page at a time. */

import {
  flag,
  oneOf,
  optionalNumber,
  optionalText,
  optionalWhole,
  type Row,
  text,
  whole,
} from "../../sql/rows.ts";
import type { Statement } from "../../sql/runner.ts";
import {
  arms,
  type LedgerAttempt,
  type LedgerBaseline,
  type LedgerDecision,
  type LedgerEntry,
} from "../entry.ts";
import type { LedgerPeriod } from "../ledger-store.ts";
import type { SqlDialect } from "./dialect.ts";
import { within } from "./period.ts";
import { attemptTable, baselineTable, exchangeTable } from "./tables.ts";

/** The last entry of a page; the next one begins after it. */
export interface PageEnd {
  readonly timeMs: number;
  readonly id: string;
}

export interface Page extends LedgerPeriod {
  readonly after: PageEnd | undefined;
  readonly limit: number;
}

/** To be run on what was there at one moment; `toEntries` takes their rows. */
export function pageStatements(
  { builder }: SqlDialect,
  { after, limit, ...period }: Page,
): readonly Statement[] {
  const page = builder
    .selectFrom(`${exchangeTable} as x`)
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
    .limit(limit);
  const ids = page.select("x.id").as("p");
  return [
    page.selectAll().compile(),
    builder
      .selectFrom(ids)
      .innerJoin(`${attemptTable} as a`, "a.exchange_id", "p.id")
      .selectAll("a")
      .orderBy("a.exchange_id")
      .orderBy("a.position")
      .compile(),
    builder
      .selectFrom(ids)
      .innerJoin(`${baselineTable} as b`, "b.exchange_id", "p.id")
      .selectAll("b")
      .orderBy("b.exchange_id")
      .orderBy("b.name")
      .compile(),
  ];
}

export function toEntries(results: readonly (readonly Row[])[]): readonly LedgerEntry[] {
  const [exchanges = [], attempts = [], baselines = []] = results;
  const attemptsOf = groupRows(attempts);
  const baselinesOf = groupRows(baselines);
  return exchanges.map((row) => {
    const id = text(row, "id");
    return {
      ...readExchange(id, row),
      attempts: (attemptsOf.get(id) ?? []).map(readAttempt),
      baselines: (baselinesOf.get(id) ?? []).map(readBaseline),
    };
  });
}

function groupRows(rows: readonly Row[]): ReadonlyMap<string, readonly Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const id = text(row, "exchange_id");
    const group = groups.get(id);
    if (group === undefined) groups.set(id, [row]);
    else group.push(row);
  }
  return groups;
}

function readExchange(id: string, row: Row): Omit<LedgerEntry, "attempts" | "baselines"> {
  return {
    id,
    timeMs: whole(row, "time_ms"),
    route: optionalText(row, "route"),
    service: optionalText(row, "service"),
    consumer: optionalText(row, "consumer"),
    pluginId: optionalText(row, "plugin_id"),
    algorithm: optionalText(row, "algorithm"),
    operation: optionalText(row, "operation"),
    mode: oneOf(row, "mode", ["oneshot", "stream"]),
    status: whole(row, "status"),
    outcome: oneOf(row, "outcome", ["ok", "failed", "aborted", "refused"]),
    decision: readDecision(row),
    routingCostNanoUsd: optionalWhole(row, "routing_cost_nano_usd"),
    latencyMs: whole(row, "latency_us") / 1000,
    timeToFirstTokenMs: readMs(row, "first_token_us"),
    cacheStatus: optionalText(row, "cache_status"),
    arm: row["arm"] === null || row["arm"] === undefined ? undefined : oneOf(row, "arm", arms),
    isEstimated: flag(row, "is_estimated"),
    payload: optionalText(row, "payload"),
  };
}

function readDecision(row: Row): LedgerDecision | undefined {
  const reason = optionalText(row, "decision_reason");
  if (reason === undefined) return undefined;
  return {
    reason,
    group: optionalText(row, "decision_group"),
    distance: optionalNumber(row, "decision_distance"),
    threshold: optionalNumber(row, "decision_threshold"),
    margin: optionalNumber(row, "decision_margin"),
  };
}

function readAttempt(row: Row): LedgerAttempt {
  return {
    index: whole(row, "position"),
    provider: text(row, "provider"),
    model: text(row, "model"),
    target: text(row, "target"),
    tokens: {
      input: optionalWhole(row, "input_tokens"),
      output: optionalWhole(row, "output_tokens"),
      cachedRead: optionalWhole(row, "cached_read_tokens"),
      cacheWrite: optionalWhole(row, "cache_write_tokens"),
      reasoning: optionalWhole(row, "reasoning_tokens"),
    },
    costNanoUsd: optionalWhole(row, "cost_nano_usd"),
    priceSource: optionalText(row, "price_source"),
    isEstimated: flag(row, "is_estimated"),
    failure: optionalText(row, "failure"),
    latencyMs: readMs(row, "latency_us"),
  };
}

function readBaseline(row: Row): LedgerBaseline {
  return { name: text(row, "name"), costNanoUsd: optionalWhole(row, "cost_nano_usd") };
}

function readMs(row: Row, column: string): number | undefined {
  const us = optionalWhole(row, column);
  return us === undefined ? undefined : us / 1000;
}
