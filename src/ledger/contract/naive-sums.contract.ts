/** The sums as one would write them without a database, for comparison. */
import type { LedgerAttempt, LedgerEntry } from "../entry.ts";
import { type Grouping, type LedgerSums, type SumsQuery, tokenKinds } from "../ledger-store.ts";

type Values = Readonly<Record<Grouping, string | undefined>>;

export function naiveSums(
  entries: readonly LedgerEntry[],
  { by, fromMs = 0, untilMs = Number.MAX_SAFE_INTEGER }: SumsQuery,
): readonly LedgerSums[] {
  const within = entries.filter(({ timeMs }) => timeMs >= fromMs && timeMs < untilMs);
  const exchanges = within.map((entry) => ({ entry, values: valuesOf(entry, entry.attempts.at(-1)) }));
  const attempts = within.flatMap((entry) =>
    entry.attempts.map((attempt) => ({ attempt, values: valuesOf(entry, attempt) })),
  );
  const keyOf = (values: Values) => JSON.stringify(by.map((grouping) => values[grouping] ?? null));
  const keys = new Map([...exchanges, ...attempts].map(({ values }) => [keyOf(values), values]));
  return [...keys]
    .map(([key, values]): LedgerSums => {
      const own = exchanges.filter((each) => keyOf(each.values) === key).map(({ entry }) => entry);
      const tried = attempts.filter((each) => keyOf(each.values) === key).map(({ attempt }) => attempt);
      const names = new Set(own.flatMap(({ baselines }) => baselines.map(({ name }) => name)));
      return {
        group: Object.fromEntries(by.map((grouping) => [grouping, values[grouping]])),
        exchanges: own.length,
        estimatedExchanges: own.filter(({ isEstimated }) => isEstimated).length,
        latencyUs: add(own.map(({ latencyMs }) => Math.round(latencyMs * 1000))).sum,
        routingCostNanoUsd: add(own.map(({ routingCostNanoUsd }) => routingCostNanoUsd)),
        attempts: tried.length,
        estimatedAttempts: tried.filter(({ isEstimated }) => isEstimated).length,
        costNanoUsd: add(tried.map(({ costNanoUsd }) => costNanoUsd)),
        tokens: Object.fromEntries(
          tokenKinds.map((kind) => [kind, add(tried.map(({ tokens }) => tokens[kind])).sum]),
        ) as LedgerSums["tokens"], // all kinds are there
        baselines: Object.fromEntries(
          [...names].map((name) => {
            const costs = own.flatMap(({ baselines }) =>
              baselines.filter((each) => each.name === name).map(({ costNanoUsd }) => costNanoUsd),
            );
            return [name, { exchanges: costs.length, ...add(costs) }];
          }),
        ),
      };
    })
    .sort((a, b) => compare(by, a.group, b.group));
}

function valuesOf(entry: LedgerEntry, attempt: LedgerAttempt | undefined): Values {
  return {
    target: attempt?.target,
    consumer: entry.consumer,
    route: entry.route,
    day: new Date(entry.timeMs).toISOString().slice(0, 10),
    model: attempt === undefined ? undefined : `${attempt.provider}/${attempt.model}`,
  };
}

function add(values: readonly (number | undefined)[]): { readonly sum: bigint; readonly unknown: number } {
  const known = values.filter((value) => value !== undefined);
  return {
    sum: known.reduce((sum, value) => sum + BigInt(value), 0n),
    unknown: values.length - known.length,
  };
}

function compare(by: readonly Grouping[], a: LedgerSums["group"], b: LedgerSums["group"]): number {
  const differing = by.find((grouping) => a[grouping] !== b[grouping]);
  if (differing === undefined) return 0;
  const [left, right] = [a[differing], b[differing]];
  if (left === undefined || right === undefined) return left === undefined ? 1 : -1;
  return left < right ? -1 : 1;
}
