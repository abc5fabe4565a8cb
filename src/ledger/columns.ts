/**
 * The columns of the ledger's tables: one description for the tables, for what is written, and for what is read. New ones
 * come last: what lies on the disk to be written goes by position.
 */

/** Types that both dialects know by these names. */
export type ColumnType = "text" | "integer" | "bigint" | "double precision";

export interface Column {
  readonly type: ColumnType;
  readonly isRequired: boolean;
}

const required = <const Type extends ColumnType>(type: Type) => ({ type, isRequired: true }) as const;
const optional = <const Type extends ColumnType>(type: Type) => ({ type, isRequired: false }) as const;

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

/** One row per attempt; with `exchange_id` before these. */
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

/** One row per baseline; with `exchange_id` before these. */
export const baselineColumns = {
  name: required("text"),
  cost_nano_usd: optional("bigint"),
} as const;

/** A row by its columns. */
export type RowOf<Columns extends Readonly<Record<string, Column>>> = {
  readonly [Name in keyof Columns]: Columns[Name]["isRequired"] extends true
    ? ValueOf<Columns[Name]["type"]>
    : ValueOf<Columns[Name]["type"]> | undefined;
};

type ValueOf<Type extends ColumnType> = Type extends "text" ? string : number;
