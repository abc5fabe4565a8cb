/** Adding up: three queries, and their groups brought together. */
import { type RawBuilder, sql } from "kysely";
import { big, optionalText, optionalWhole, type Row, text, whole } from "../../sql/rows.ts";
import type { Statement } from "../../sql/runner.ts";
import {
  type BaselineSum,
  type Grouping,
  type LedgerSums,
  type SumsQuery,
  type TokenKind,
  tokenKinds,
} from "../ledger-store.ts";
import type { SqlDialect } from "./dialect.ts";
import { within } from "./period.ts";
import { attemptView, baselineView, entryTable } from "./tables.ts";

const dayMs = 86_400_000;

const tokenColumns: Readonly<Record<TokenKind, string>> = {
  input: "input_tokens",
  output: "output_tokens",
  cachedRead: "cached_read_tokens",
  cacheWrite: "cache_write_tokens",
  reasoning: "reasoning_tokens",
};

/** To be run on what was there at one moment; `toSums` takes their rows. */
export function sumStatements({ builder }: SqlDialect, query: SumsQuery): readonly Statement[] {
  const keys = keysOf(query.by);
  const grouped = keys.map(({ value }) => value);
  const named = keys.map(({ value, name }) => value.as(name));
  const exchanges = builder
    .selectFrom(`${entryTable} as x`)
    .where(within(query))
    .select([
      ...named,
      count("x.id").as("exchanges"),
      sum("x.is_estimated").as("estimated"),
      sum("x.latency_us").as("latency"),
      sum("x.routing_cost_nano_usd").as("cost"),
      missing("x.routing_cost_nano_usd").as("unknown"),
    ])
    .$if(query.by.length > 0, (all) => all.groupBy(grouped));
  const attempts = builder
    .selectFrom(`${attemptView} as x`)
    .where(within(query))
    .select([
      ...named,
      count("x.target").as("attempts"),
      sum("x.is_estimated").as("estimated"),
      sum("x.cost_nano_usd").as("cost"),
      missing("x.cost_nano_usd").as("unknown"),
      ...tokenKinds.map((kind) => sum(`x.${tokenColumns[kind]}`).as(kind)),
    ])
    .$if(query.by.length > 0, (all) => all.groupBy(grouped));
  const baselines = builder
    .selectFrom(`${baselineView} as x`)
    .where(within(query))
    .select([
      ...named,
      "x.name as baseline",
      count("x.name").as("exchanges"),
      sum("x.cost_nano_usd").as("cost"),
      missing("x.cost_nano_usd").as("unknown"),
    ])
    .groupBy([...grouped, sql.ref("x.name")]);
  return [exchanges, attempts, baselines].map((each) => each.compile());
}

interface Key {
  readonly name: string;
  readonly value: RawBuilder<unknown>;
}

/** Of a table or view as `x`: of one attempt, or of the exchange and its last one. */
function keysOf(by: readonly Grouping[]): readonly Key[] {
  const values: Readonly<Record<Grouping, RawBuilder<unknown>>> = {
    target: sql.ref("x.target"),
    consumer: sql.ref("x.consumer"),
    route: sql.ref("x.route"),
    // Literals, not parameters: PostgreSQL must see that what is selected is what is grouped by.
    day: sql`x.time_ms / ${sql.lit(dayMs)}`,
    model: sql`x.provider || '/' || x.model`,
  };
  return [...new Set(by)].map((grouping) => ({ name: keyName(grouping), value: values[grouping] }));
}

function keyName(grouping: Grouping): string {
  return `by_${grouping}`;
}

/** As digits: neither driver hands over 64 bits otherwise. */
function digits(value: RawBuilder<unknown>): RawBuilder<string> {
  return sql<string>`cast(${value} as text)`;
}

/** SQLite refuses a sum beyond 63 bits ("integer overflow") rather than give a wrong one; PostgreSQL goes on. */
function sum(column: string): RawBuilder<string> {
  return digits(sql`coalesce(sum(${sql.ref(column)}), 0)`);
}

function count(column: string): RawBuilder<string> {
  return digits(sql`count(${sql.ref(column)})`);
}

function missing(column: string): RawBuilder<string> {
  return digits(sql`count(*) - count(${sql.ref(column)})`);
}

/** A group while its parts come together. */
type Draft = { -readonly [Field in keyof LedgerSums]: LedgerSums[Field] } & {
  baselines: Record<string, BaselineSum>;
};

export function toSums(by: readonly Grouping[], results: readonly (readonly Row[])[]): readonly LedgerSums[] {
  const [exchanges = [], attempts = [], baselines = []] = results;
  const groups = new Map<string, Draft>();
  const groupOf = (row: Row) => {
    const group = readGroup(by, row);
    const key = JSON.stringify(by.map((grouping) => group[grouping] ?? null));
    const found = groups.get(key) ?? emptySums(group);
    groups.set(key, found);
    return found;
  };
  for (const row of exchanges) {
    const group = groupOf(row);
    group.exchanges = whole(row, "exchanges");
    group.estimatedExchanges = whole(row, "estimated");
    group.latencyUs = big(row, "latency");
    group.routingCostNanoUsd = { sum: big(row, "cost"), unknown: whole(row, "unknown") };
  }
  for (const row of attempts) {
    const group = groupOf(row);
    group.attempts = whole(row, "attempts");
    group.estimatedAttempts = whole(row, "estimated");
    group.costNanoUsd = { sum: big(row, "cost"), unknown: whole(row, "unknown") };
    group.tokens = readTokens(row);
  }
  for (const row of baselines) {
    groupOf(row).baselines[text(row, "baseline")] = {
      exchanges: whole(row, "exchanges"),
      sum: big(row, "cost"),
      unknown: whole(row, "unknown"),
    };
  }
  const isEmpty = (group: Draft) => group.exchanges === 0 && group.attempts === 0;
  return [...groups.values()]
    .filter((group) => !isEmpty(group))
    .sort((a, b) => compareGroups(by, a.group, b.group));
}

function readTokens(row: Row): LedgerSums["tokens"] {
  const read = (kind: TokenKind) => big(row, kind);
  return {
    input: read("input"),
    output: read("output"),
    cachedRead: read("cachedRead"),
    cacheWrite: read("cacheWrite"),
    reasoning: read("reasoning"),
  };
}

type Group = Partial<Record<Grouping, string | undefined>>;

function readGroup(by: readonly Grouping[], row: Row): Group {
  const group: Group = {};
  for (const grouping of by) {
    const column = keyName(grouping);
    group[grouping] = grouping === "day" ? dayName(optionalWhole(row, column)) : optionalText(row, column);
  }
  return group;
}

function dayName(day: number | undefined): string | undefined {
  return day === undefined ? undefined : new Date(day * dayMs).toISOString().slice(0, 10);
}

function emptySums(group: Group): Draft {
  const nothing = { sum: 0n, unknown: 0 };
  return {
    group,
    exchanges: 0,
    estimatedExchanges: 0,
    latencyUs: 0n,
    routingCostNanoUsd: nothing,
    attempts: 0,
    estimatedAttempts: 0,
    costNanoUsd: nothing,
    tokens: { input: 0n, output: 0n, cachedRead: 0n, cacheWrite: 0n, reasoning: 0n },
    baselines: {},
  };
}

/** Entries without a value come last. */
function compareGroups(by: readonly Grouping[], a: Group, b: Group): number {
  for (const grouping of by) {
    const [left, right] = [a[grouping], b[grouping]];
    if (left === right) continue;
    if (left === undefined) return 1;
    if (right === undefined) return -1;
    return left < right ? -1 : 1;
  }
  return 0;
}
