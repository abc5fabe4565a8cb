/**
 * The columns of the ledger: of its one table, and of the views that show it as three. One description for what is made,
 * what is written, and what is read.
 */

/** Types that both dialects know by these names. */
export type ColumnType = "text" | "integer" | "bigint" | "double precision";

export interface Column {
  readonly type: ColumnType;
  readonly isRequired: boolean;
}

const required = <const Type extends ColumnType>(type: Type) => ({ type, isRequired: true }) as const;
const optional = <const Type extends ColumnType>(type: Type) => ({ type, isRequired: false }) as const;

/**
 * One row per entry, by position in its line: new ones come last. Columns of their own have the figures that reports add
 * up, and what they group by, of the exchange and of its last attempt; all else is JSON by name. So a row is few values,
 * and each value is a fifth of a microsecond (measured).
 */
export const entryColumns = {
  id: required("text"),
  time_ms: required("bigint"),
  route: optional("text"),
  consumer: optional("text"),
  target: optional("text"),
  provider: optional("text"),
  model: optional("text"),
  arm: optional("text"),
  latency_us: required("bigint"),
  routing_cost_nano_usd: optional("bigint"),
  is_estimated: required("integer"),
  input_tokens: optional("bigint"),
  output_tokens: optional("bigint"),
  cached_read_tokens: optional("bigint"),
  cache_write_tokens: optional("bigint"),
  reasoning_tokens: optional("bigint"),
  cost_nano_usd: optional("bigint"),
  attempt_is_estimated: optional("integer"),
  /** An object of costs by name. */
  baselines: required("text"),
  /** An object of what has no column, by the names of `detailNames`. */
  details: required("text"),
  /** An array of objects by the names of `attemptColumns`; where one attempt was enough, NULL. */
  earlier_attempts: optional("text"),
} as const;

/** The columns of the views that are in `details`: those of the exchange, then those of its last attempt. */
export const detailNames = {
  exchange: [
    "service",
    "plugin_id",
    "algorithm",
    "operation",
    "mode",
    "status",
    "outcome",
    "decision_reason",
    "decision_group",
    "decision_distance",
    "decision_threshold",
    "decision_margin",
    "first_token_us",
    "cache_status",
    "payload",
  ],
  attempt: ["position", "price_source", "failure", "attempt_latency_us"],
} as const;

/** One row per exchange. `target`, `provider` and `model` are those of its last attempt. */
export const exchangeColumns = {
  id: required("text"),
  time_ms: required("bigint"),
  route: optional("text"),
  service: optional("text"),
  consumer: optional("text"),
  plugin_id: optional("text"),
  algorithm: optional("text"),
  operation: optional("text"),
  mode: required("text"),
  status: required("integer"),
  outcome: required("text"),
  target: optional("text"),
  provider: optional("text"),
  model: optional("text"),
  decision_reason: optional("text"),
  decision_group: optional("text"),
  decision_distance: optional("double precision"),
  decision_threshold: optional("double precision"),
  decision_margin: optional("double precision"),
  routing_cost_nano_usd: optional("bigint"),
  latency_us: required("bigint"),
  first_token_us: optional("bigint"),
  cache_status: optional("text"),
  arm: optional("text"),
  is_estimated: required("integer"),
  payload: optional("text"),
} as const;

/** One row per attempt; with the exchange's `exchange_id` before these. */
export const attemptColumns = {
  position: required("integer"),
  provider: required("text"),
  model: required("text"),
  target: required("text"),
  input_tokens: optional("bigint"),
  output_tokens: optional("bigint"),
  cached_read_tokens: optional("bigint"),
  cache_write_tokens: optional("bigint"),
  reasoning_tokens: optional("bigint"),
  cost_nano_usd: optional("bigint"),
  price_source: optional("text"),
  is_estimated: required("integer"),
  failure: optional("text"),
  latency_us: optional("bigint"),
} as const;

/** One row per baseline; with the exchange's `exchange_id` before these. */
export const baselineColumns = {
  name: required("text"),
  cost_nano_usd: optional("bigint"),
} as const;
