/** Entries out of rows, and out of the JSON that is in them. */
import {
  flag,
  oneOf,
  optionalNumber,
  optionalText,
  optionalWhole,
  type Row,
  text,
  WrongRowError,
  whole,
} from "../../sql/rows.ts";
import {
  arms,
  type LedgerAttempt,
  type LedgerBaseline,
  type LedgerDecision,
  type LedgerEntry,
} from "../entry.ts";

/** Of a row with `entryColumns`. */
export function readEntry(row: Row): LedgerEntry {
  const details = parsed(row, "details");
  const whole = { ...row, ...details };
  const last = {
    ...whole,
    is_estimated: row["attempt_is_estimated"],
    latency_us: details["attempt_latency_us"],
  };
  const hasAttempts = optionalText(row, "target") !== undefined;
  return {
    ...readExchange(whole),
    attempts: [...readEarlier(row), ...(hasAttempts ? [readAttempt(last)] : [])],
    baselines: Object.entries(parsed(row, "baselines"))
      .map(([name, cost]) => readBaseline({ name, cost_nano_usd: cost }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

function readEarlier(row: Row): readonly LedgerAttempt[] {
  if (optionalText(row, "earlier_attempts") === undefined) return [];
  return Object.values(parsed(row, "earlier_attempts")).map((each) => readAttempt(each as Row)); // see `toLine`
}

/** An object, or an array as the object of its elements. */
function parsed(row: Row, column: string): Row {
  try {
    return JSON.parse(text(row, column));
  } catch (error) {
    throw new WrongRowError(`the column "${column}" holds no JSON`, { cause: error });
  }
}

/** Of a row with `exchangeColumns`. */
export function readExchange(row: Row): Omit<LedgerEntry, "attempts" | "baselines"> {
  return {
    id: text(row, "id"),
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

/** Of a row with `attemptColumns`. */
export function readAttempt(row: Row): LedgerAttempt {
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

/** Of a row with `baselineColumns`. */
export function readBaseline(row: Row): LedgerBaseline {
  return { name: text(row, "name"), costNanoUsd: optionalWhole(row, "cost_nano_usd") };
}

function readMs(row: Row, column: string): number | undefined {
  const us = optionalWhole(row, column);
  return us === undefined ? undefined : us / 1000;
}
