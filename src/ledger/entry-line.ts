/**
 * An entry as one line of JSON, made once, when it is recorded: what waits in memory, lies in the spool and goes to the
 * store is this line. It is an array of arrays in the order of the columns: by name it would be twice as long, and SQLite
 * would take 1.7 times as long to take it apart (measured).
 */
import { attemptColumns, baselineColumns, type Column, exchangeColumns, type RowOf } from "./columns.ts";
import type { LedgerAttempt, LedgerBaseline, LedgerEntry } from "./entry.ts";

export interface EntryLine {
  readonly id: string;
  /** Without a line break. */
  readonly json: string;
}

type Cells = readonly (string | number | null)[];

/** Rows of the attempts, rows of the baselines, then the exchange's own cells, of which the id is the first. */
type WrittenEntry = readonly [attempts: readonly Cells[], baselines: readonly Cells[], ...exchange: Cells];

/** Where the parts stand in a line. */
export const lineParts = { attempts: 0, baselines: 1, exchange: 2 } as const;

/** An entry that cannot be kept as it is; the message says why, without its content. */
export class EntryError extends Error {}

/** Throws an `EntryError` when a number is none, or when attempts or baselines stand twice. */
export function toLine(entry: LedgerEntry): EntryLine {
  const written = write(entry);
  const json = JSON.stringify(written);
  return { id: entry.id, json: unkeepable.test(json) ? JSON.stringify(written, keepable) : json };
}

/** The line of a file; undefined when it is torn or not ours. */
export function parseLine(text: string): EntryLine | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const id: unknown = Array.isArray(value) ? value[lineParts.exchange] : undefined;
    return typeof id === "string" ? { id, json: text } : undefined;
  } catch {
    return undefined; // the last line of a file whose writer was killed
  }
}

/** Lines as one JSON array. */
export function joinLines(lines: readonly EntryLine[]): string {
  return `[${lines.map(({ json }) => json).join(",")}]`;
}

function write(entry: LedgerEntry): WrittenEntry {
  return [
    entry.attempts.map((attempt) => cellsOf(attemptNames, attemptRow(attempt))),
    entry.baselines.map((baseline) => cellsOf(baselineNames, baselineRow(baseline))),
    ...cellsOf(exchangeNames, exchangeRow(entry)),
  ];
}

const namesOf = <Columns extends Readonly<Record<string, Column>>>(columns: Columns) =>
  Object.keys(columns) as (keyof Columns)[]; // these are all its keys
const exchangeNames = namesOf(exchangeColumns);
const attemptNames = namesOf(attemptColumns);
const baselineNames = namesOf(baselineColumns);

function cellsOf<Name extends PropertyKey>(
  names: readonly Name[],
  row: Readonly<Record<Name, string | number | undefined>>,
): Cells {
  return names.map((name) => row[name] ?? null);
}

function exchangeRow(entry: LedgerEntry): RowOf<typeof exchangeColumns> {
  const { decision, attempts } = entry;
  const last = attempts.at(-1);
  if (entry.id === "") throw new EntryError("the id is empty");
  if (!hasDistinct(attempts.map(({ index }) => index))) throw new EntryError("two attempts have one index");
  if (!hasDistinct(entry.baselines.map(({ name }) => name)))
    throw new EntryError("two baselines have one name");
  return {
    id: entry.id,
    time_ms: whole("timeMs", entry.timeMs),
    route: entry.route,
    service: entry.service,
    consumer: entry.consumer,
    plugin_id: entry.pluginId,
    algorithm: entry.algorithm,
    operation: entry.operation,
    mode: entry.mode,
    status: whole("status", entry.status),
    outcome: entry.outcome,
    target: last?.target,
    provider: last?.provider,
    model: last?.model,
    decision_reason: decision?.reason,
    decision_group: decision?.group,
    decision_distance: finite("distance", decision?.distance),
    decision_threshold: finite("threshold", decision?.threshold),
    decision_margin: finite("margin", decision?.margin),
    routing_cost_nano_usd: amount("routingCostNanoUsd", entry.routingCostNanoUsd),
    latency_us: micros("latencyMs", entry.latencyMs),
    first_token_us: maybeMicros("timeToFirstTokenMs", entry.timeToFirstTokenMs),
    cache_status: entry.cacheStatus,
    arm: entry.arm,
    is_estimated: Number(entry.isEstimated),
    payload: entry.payload,
  };
}

function attemptRow(attempt: LedgerAttempt): RowOf<typeof attemptColumns> {
  const { tokens } = attempt;
  return {
    position: whole("index", attempt.index),
    provider: attempt.provider,
    model: attempt.model,
    target: attempt.target,
    input_tokens: amount("tokens.input", tokens.input),
    output_tokens: amount("tokens.output", tokens.output),
    cached_read_tokens: amount("tokens.cachedRead", tokens.cachedRead),
    cache_write_tokens: amount("tokens.cacheWrite", tokens.cacheWrite),
    reasoning_tokens: amount("tokens.reasoning", tokens.reasoning),
    cost_nano_usd: amount("costNanoUsd", attempt.costNanoUsd),
    price_source: attempt.priceSource,
    is_estimated: Number(attempt.isEstimated),
    failure: attempt.failure,
    latency_us: maybeMicros("latencyMs", attempt.latencyMs),
  };
}

function baselineRow({ name, costNanoUsd }: LedgerBaseline): RowOf<typeof baselineColumns> {
  return { name, cost_nano_usd: amount("costNanoUsd", costNanoUsd) };
}

function hasDistinct(values: readonly unknown[]): boolean {
  return values.length < 2 || new Set(values).size === values.length;
}

function whole(field: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new EntryError(`${field} is ${value}, not a whole number from 0`);
}

function amount(field: string, value: number | undefined): number | undefined {
  return value === undefined ? undefined : whole(field, value);
}

function micros(field: string, ms: number): number {
  return whole(field, Math.round(ms * 1000));
}

function maybeMicros(field: string, ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : micros(field, ms);
}

function finite(field: string, value: number | undefined): number | undefined {
  if (value === undefined || Number.isFinite(value)) return value;
  throw new EntryError(`${field} is ${value}, not a number`);
}

/** NUL and halves of surrogate pairs, as JSON writes them: PostgreSQL keeps neither. (`\\u0000` in a text is harmless.) */
const unkeepable = /\\u0000|\\ud[89a-f]/;

function keepable(_key: string, value: unknown): unknown {
  return typeof value === "string" ? value.replace(/[\0\p{Surrogate}]/gu, "\ufffd") : value;
}
