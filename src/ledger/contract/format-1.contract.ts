/** The ledger of the first format, as statements that both dialects take, and as a line of its spool. */
import { attemptColumns, baselineColumns, type Column, exchangeColumns } from "../columns.ts";
import type { LedgerAttempt, LedgerEntry } from "../entry.ts";

type Cell = string | number | undefined;
type Columns = Readonly<Record<string, Column>>;

const owner = { exchange_id: { type: "text", isRequired: true } } as const;

const tables = [
  {
    name: "sluice_ledger_exchanges",
    columns: exchangeColumns,
    key: "id",
    rowsOf: (entry: LedgerEntry) => [exchangeCells(entry)],
  },
  {
    name: "sluice_ledger_attempts",
    columns: { ...owner, ...attemptColumns },
    key: "exchange_id, position",
    rowsOf: ({ id, attempts }: LedgerEntry) => attempts.map((attempt) => [id, ...attemptCells(attempt)]),
  },
  {
    name: "sluice_ledger_baselines",
    columns: { ...owner, ...baselineColumns },
    key: "exchange_id, name",
    rowsOf: ({ id, baselines }: LedgerEntry) =>
      baselines.map(({ name, costNanoUsd }) => [id, name, costNanoUsd]),
  },
] as const;

/** Makes its tables with these entries in them. */
export function firstFormat(entries: readonly LedgerEntry[]): readonly string[] {
  const made = tables.flatMap(({ name, columns, key, rowsOf }) => {
    const rows = entries.flatMap((entry): (readonly Cell[])[] => rowsOf(entry));
    const values = rows.map((row) => `(${row.map(literal).join(", ")})`).join(", ");
    return [
      `CREATE TABLE ${name} (${definitions(columns)}, CONSTRAINT ${name}_key PRIMARY KEY (${key}))`,
      ...(values === "" ? [] : [`INSERT INTO ${name} VALUES ${values}`]),
    ];
  });
  return [
    "CREATE TABLE sluice_ledger_schema (format integer PRIMARY KEY)",
    "INSERT INTO sluice_ledger_schema VALUES (1)",
    ...made,
    "CREATE INDEX sluice_ledger_exchanges_time ON sluice_ledger_exchanges (time_ms, id)",
  ];
}

/** A line of that time. */
export function firstLine(entry: LedgerEntry): string {
  const baselines = entry.baselines.map(({ name, costNanoUsd }) => [name, costNanoUsd]);
  return JSON.stringify([entry.attempts.map(attemptCells), baselines, ...exchangeCells(entry)]);
}

function definitions(columns: Columns): string {
  return Object.entries(columns)
    .map(([name, { type, isRequired }]) => `${name} ${type}${isRequired ? " NOT NULL" : ""}`)
    .join(", ");
}

function literal(cell: Cell): string {
  return typeof cell === "string" ? `'${cell.replaceAll("'", "''")}'` : String(cell ?? "NULL");
}

function exchangeCells(entry: LedgerEntry): readonly Cell[] {
  const { decision } = entry;
  const last = entry.attempts.at(-1);
  return [
    entry.id,
    entry.timeMs,
    entry.route,
    entry.service,
    entry.consumer,
    entry.pluginId,
    entry.algorithm,
    entry.operation,
    entry.mode,
    entry.status,
    entry.outcome,
    last?.target,
    last?.provider,
    last?.model,
    decision?.reason,
    decision?.group,
    decision?.distance,
    decision?.threshold,
    decision?.margin,
    entry.routingCostNanoUsd,
    micros(entry.latencyMs),
    micros(entry.timeToFirstTokenMs),
    entry.cacheStatus,
    entry.arm,
    Number(entry.isEstimated),
    entry.payload,
  ];
}

function attemptCells({ tokens, ...attempt }: LedgerAttempt): readonly Cell[] {
  return [
    attempt.index,
    attempt.provider,
    attempt.model,
    attempt.target,
    tokens.input,
    tokens.output,
    tokens.cachedRead,
    tokens.cacheWrite,
    tokens.reasoning,
    attempt.costNanoUsd,
    attempt.priceSource,
    Number(attempt.isEstimated),
    attempt.failure,
    micros(attempt.latencyMs),
  ];
}

function micros(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms * 1000);
}
