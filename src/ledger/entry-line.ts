/**
 * An entry as one line of JSON, made once, when it is recorded: what waits in memory, lies in the spool and goes to the
 * store is this line, an array of the cells of `entryColumns`. A tab, which means nothing in JSON and stands nowhere else,
 * tells the cells of few letters from those that are JSON themselves, so that these can be cut out without being parsed.
 */
import type { detailNames } from "./columns.ts";
import type { LedgerAttempt, LedgerBaseline, LedgerDecision, LedgerEntry } from "./entry.ts";
import { parseFirstLine } from "./entry-line-1.ts";
import { keepable, quoted, quotedOften } from "./quoted.ts";

export interface EntryLine {
  readonly id: string;
  /** Without a line break. */
  readonly json: string;
}

/** An entry that cannot be kept as it is; the message says why, without its content. */
export class EntryError extends Error {}

/** Throws an `EntryError` when a number is none, or when attempts or baselines stand twice. */
export function toLine(entry: LedgerEntry): EntryLine {
  const { attempts } = entry;
  if (entry.id === "") throw new EntryError("the id is empty");
  if (hasRepeats(attempts, isSameAttempt)) throw new EntryError("two attempts have one index");
  if (hasRepeats(entry.baselines, isSameBaseline)) throw new EntryError("two baselines have one name");
  const last = attempts.at(-1);
  const parts = [
    `[${cellsOf(entry, last)}`,
    `{${costsOf(entry.baselines)}}`,
    `{${detailsOf(entry, last)}}`,
    `${earlierOf(attempts)}]`,
  ];
  return { id: entry.id, json: parts.join(",\t") };
}

/** The line of a file, of this form or an older one; undefined when it is torn or not ours. */
export function parseLine(text: string): EntryLine | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (!Array.isArray(value)) return undefined;
    const [id]: readonly unknown[] = value;
    if (typeof id === "string") return { id, json: text };
    const entry = parseFirstLine(value);
    return entry && toLine(entry);
  } catch {
    return undefined; // the last line of a file whose writer was killed
  }
}

/**
 * In the order of `entryColumns`, as far as they are not JSON. Put together by hand, as are the details: half of the time
 * of `JSON.stringify` with an array and an object made for it (measured: 3 µs a line against 5).
 */
function cellsOf(entry: LedgerEntry, last: LedgerAttempt | undefined): string {
  const tokens = last?.tokens;
  return (
    `${quoted(entry.id)},${whole("timeMs", entry.timeMs)},${text(entry.route)},${text(entry.consumer)},` +
    `${text(last?.target)},${text(last?.provider)},${text(last?.model)},${text(entry.arm)},` +
    `${micros("latencyMs", entry.latencyMs)},${amount("routingCostNanoUsd", entry.routingCostNanoUsd)},` +
    `${Number(entry.isEstimated)},${amount("tokens.input", tokens?.input)},` +
    `${amount("tokens.output", tokens?.output)},${amount("tokens.cachedRead", tokens?.cachedRead)},` +
    `${amount("tokens.cacheWrite", tokens?.cacheWrite)},${amount("tokens.reasoning", tokens?.reasoning)},` +
    `${amount("costNanoUsd", last?.costNanoUsd)},${last === undefined ? null : Number(last.isEstimated)}`
  );
}

function costsOf(baselines: readonly LedgerBaseline[]): string {
  let costs = "";
  for (const { name, costNanoUsd } of baselines)
    costs += `${costs === "" ? "" : ","}${quotedOften(name)}:${amount("costNanoUsd", costNanoUsd)}`;
  return costs;
}

/** By `detailNames`, without what is unknown. */
function detailsOf(entry: LedgerEntry, last: LedgerAttempt | undefined): string {
  const { decision, payload } = entry;
  return (
    `"mode":${text(entry.mode)},"status":${whole("status", entry.status)},"outcome":${text(entry.outcome)}` +
    field("service", entry.service, text) +
    field("plugin_id", entry.pluginId, text) +
    field("algorithm", entry.algorithm, text) +
    field("operation", entry.operation, text) +
    (decision === undefined ? "" : decisionOf(decision)) +
    field("first_token_us", entry.timeToFirstTokenMs, (ms) => micros("timeToFirstTokenMs", ms)) +
    field("cache_status", entry.cacheStatus, text) +
    field("position", last?.index, (index) => whole("index", index)) +
    field("price_source", last?.priceSource, text) +
    field("failure", last?.failure, text) +
    field("attempt_latency_us", last?.latencyMs, (ms) => micros("latencyMs", ms)) +
    field("payload", payload, quoted)
  );
}

function decisionOf({ reason, group, distance, threshold, margin }: LedgerDecision): string {
  return (
    field("decision_reason", reason, text) +
    field("decision_group", group, text) +
    field("decision_distance", distance, (value) => finite("distance", value)) +
    field("decision_threshold", threshold, (value) => finite("threshold", value)) +
    field("decision_margin", margin, (value) => finite("margin", value))
  );
}

function field<Value>(
  name: (typeof detailNames)["exchange" | "attempt"][number],
  value: Value | undefined,
  write: (value: Value) => string | number,
): string {
  return value === undefined ? "" : `,"${name}":${write(value)}`;
}

/** Few exchanges have any. */
function earlierOf(attempts: readonly LedgerAttempt[]): string {
  return attempts.length < 2 ? "null" : keepable(JSON.stringify(attempts.slice(0, -1).map(attemptParts)));
}

/** By `attemptColumns`. */
function attemptParts(attempt: LedgerAttempt) {
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
    latency_us: attempt.latencyMs === undefined ? null : micros("latencyMs", attempt.latencyMs),
  };
}

/** Each with each: there are few, and a set would have to be made for every entry. */
function hasRepeats<Value>(values: readonly Value[], isSame: (a: Value, b: Value) => boolean): boolean {
  return values.some((value, index) => values.findIndex((each) => isSame(each, value)) < index);
}

const isSameAttempt = (a: LedgerAttempt, b: LedgerAttempt) => a.index === b.index;
const isSameBaseline = (a: LedgerBaseline, b: LedgerBaseline) => a.name === b.name;

function text(value: string | undefined): string {
  return value === undefined ? "null" : quotedOften(value);
}

function whole(field: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new EntryError(`${field} is ${value}, not a whole number from 0`);
}

function amount(field: string, value: number | undefined): number | null {
  return value === undefined ? null : whole(field, value);
}

function micros(field: string, ms: number): number {
  return whole(field, Math.round(ms * 1000));
}

function finite(field: string, value: number): number {
  if (Number.isFinite(value)) return value;
  throw new EntryError(`${field} is ${value}, not a number`);
}
