/** Entries for other programs, as text. Read no faster than the reader takes them. */
import { type Cell, csvRecord } from "./csv.ts";
import type { LedgerAttempt, LedgerEntry, NanoUsd } from "./entry.ts";

/** Parquet is not among them: what reads it reads these, too (DuckDB, pandas, Spark). */
export const exportFormats = ["csv", "jsonl"] as const;

export type ExportFormat = (typeof exportFormats)[number];

/** Pieces of text of this length, so that a stream is not asked for each line. */
const pieceLength = 64 * 1024;

/**
 * The entries as pieces of text; `stream.pipeline` takes it as it is. `jsonl`: a `LedgerEntry` on each line. `csv`: a
 * header, then a record for each attempt, or one for an exchange without; what the exchange itself cost stands in its last
 * record only, so that every column of money can be added up.
 */
export async function* exportEntries(
  entries: AsyncIterable<LedgerEntry>,
  format: ExportFormat,
): AsyncGenerator<string, void> {
  const write = format === "csv" ? csvOf : (entry: LedgerEntry) => `${JSON.stringify(entry)}\n`;
  let piece = format === "csv" ? csvRecord(Object.keys(csvColumns)) : "";
  for await (const entry of entries) {
    piece += write(entry);
    if (piece.length < pieceLength) continue;
    yield piece;
    piece = "";
  }
  if (piece !== "") yield piece;
}

function csvOf(entry: LedgerEntry): string {
  const { attempts } = entry;
  if (attempts.length === 0) return recordOf({ entry, attempt: undefined, isLast: true });
  return attempts
    .map((attempt, index) => recordOf({ entry, attempt, isLast: index === attempts.length - 1 }))
    .join("");
}

interface CsvRow {
  readonly entry: LedgerEntry;
  readonly attempt: LedgerAttempt | undefined;
  readonly isLast: boolean;
}

function recordOf(row: CsvRow): string {
  return csvRecord(Object.values(csvColumns).map((read) => read(row)));
}

const csvColumns: Readonly<Record<string, (row: CsvRow) => Cell>> = {
  id: ({ entry }) => entry.id,
  time: ({ entry }) => new Date(entry.timeMs).toISOString(),
  route: ({ entry }) => entry.route,
  service: ({ entry }) => entry.service,
  consumer: ({ entry }) => entry.consumer,
  plugin_id: ({ entry }) => entry.pluginId,
  algorithm: ({ entry }) => entry.algorithm,
  operation: ({ entry }) => entry.operation,
  mode: ({ entry }) => entry.mode,
  status: ({ entry }) => entry.status,
  outcome: ({ entry }) => entry.outcome,
  decision_reason: ({ entry }) => entry.decision?.reason,
  decision_group: ({ entry }) => entry.decision?.group,
  decision_distance: ({ entry }) => entry.decision?.distance,
  decision_threshold: ({ entry }) => entry.decision?.threshold,
  decision_margin: ({ entry }) => entry.decision?.margin,
  latency_ms: ({ entry }) => entry.latencyMs,
  time_to_first_token_ms: ({ entry }) => entry.timeToFirstTokenMs,
  cache_status: ({ entry }) => entry.cacheStatus,
  arm: ({ entry }) => entry.arm,
  is_estimated: ({ entry }) => entry.isEstimated,
  routing_cost_usd: ({ entry, isLast }) => (isLast ? usd(entry.routingCostNanoUsd) : undefined),
  baselines_usd: ({ entry, isLast }) => (isLast ? baselines(entry) : undefined),
  is_last_attempt: ({ isLast }) => isLast,
  attempt: ({ attempt }) => attempt?.index,
  attempt_provider: ({ attempt }) => attempt?.provider,
  attempt_model: ({ attempt }) => attempt?.model,
  attempt_target: ({ attempt }) => attempt?.target,
  attempt_input_tokens: ({ attempt }) => attempt?.tokens.input,
  attempt_output_tokens: ({ attempt }) => attempt?.tokens.output,
  attempt_cached_read_tokens: ({ attempt }) => attempt?.tokens.cachedRead,
  attempt_cache_write_tokens: ({ attempt }) => attempt?.tokens.cacheWrite,
  attempt_reasoning_tokens: ({ attempt }) => attempt?.tokens.reasoning,
  attempt_cost_usd: ({ attempt }) => usd(attempt?.costNanoUsd),
  attempt_price_source: ({ attempt }) => attempt?.priceSource,
  attempt_is_estimated: ({ attempt }) => attempt?.isEstimated,
  attempt_failure: ({ attempt }) => attempt?.failure,
  attempt_latency_ms: ({ attempt }) => attempt?.latencyMs,
  payload: ({ entry, isLast }) => (isLast ? entry.payload : undefined),
};

/** All digits: `0.000001500`. */
function usd(nano: NanoUsd | undefined): string | undefined {
  if (nano === undefined) return undefined;
  const digits = String(nano).padStart(10, "0");
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`;
}

/** As JSON, because their names are whatever the config made them; null for an unknown cost. */
function baselines(entry: LedgerEntry): string | undefined {
  if (entry.baselines.length === 0) return undefined;
  return JSON.stringify(
    Object.fromEntries(entry.baselines.map(({ name, costNanoUsd }) => [name, usd(costNanoUsd) ?? null])),
  );
}
