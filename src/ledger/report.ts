/** What was spent, and what it was worth: the ledger's sums as figures for people. */
import type {
  ArmCosts,
  BaselineSum,
  Grouping,
  LedgerPeriod,
  LedgerStore,
  LedgerSums,
} from "./ledger-store.ts";

/** Money in USD. A figure is incomplete where `unknown` is above 0: so many of what it adds up are not in it. */
export interface Figures {
  readonly exchanges: number;
  /** Of them with an estimate in them. */
  readonly estimated: number;
  readonly attempts: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** What the models cost, all attempts. */
  readonly costUsd: number;
  /** Attempts whose price is unknown. */
  readonly unknown: number;
  /** What deciding cost. */
  readonly routingUsd: number;
  readonly routingUnknown: number;
  /** By the name of the baseline. */
  readonly baselines: Readonly<Record<string, BaselineFigures>>;
}

/** The same tokens at other prices: a comparison of prices, not of what would have happened. */
export interface BaselineFigures {
  readonly costUsd: number;
  /** Exchanges whose cost under this policy is unknown. */
  readonly unknown: number;
  /** Against what was spent, routing included; undefined where either side is incomplete. */
  readonly savedUsd: number | undefined;
  /** Of the baseline's cost, 0…1 and below 0 where more was spent. */
  readonly savedShare: number | undefined;
}

export interface GroupFigures extends Figures {
  /** Undefined for exchanges that have none. */
  readonly name: string | undefined;
}

/** What a random share tells that was sent to the baseline: a measurement, with the prices of what really happened. */
export interface Measured {
  readonly holdout: ArmFigures;
  readonly routed: ArmFigures;
  /** Saved per exchange by routing, in USD, and the interval that holds the truth 95 times in 100. */
  readonly savedUsd: Interval;
  /** Of the baseline's cost; undefined where that may be nothing. */
  readonly savedShare: Interval | undefined;
}

export interface ArmFigures {
  readonly exchanges: number;
  readonly unknown: number;
  readonly meanUsd: number;
}

export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export interface Report {
  readonly period: LedgerPeriod;
  readonly total: Figures;
  readonly by: Readonly<Partial<Record<Grouping, readonly GroupFigures[]>>>;
  /**
   * A random mix of the strongest and the cheapest that costs as much as was spent sends this share to the strongest;
   * undefined where a side is incomplete, or both cost the same.
   */
  readonly mixShare: number | undefined;
  /** Undefined without a holdout, or with less than two known exchanges in an arm. */
  readonly measured: Measured | undefined;
}

/** Reads the sums that it needs, one after the other. Rejects with a `StoreError`. */
export async function makeReport(
  store: LedgerStore,
  period: LedgerPeriod,
  groupings: readonly Grouping[],
  signal: AbortSignal,
): Promise<Report> {
  const [all] = await store.sums({ ...period, by: [] }, signal);
  const by: Partial<Record<Grouping, readonly GroupFigures[]>> = {};
  for (const grouping of groupings) {
    const sums = await store.sums({ ...period, by: [grouping] }, signal);
    by[grouping] = sums.map((each) => ({ name: each.group[grouping], ...figuresOf(each) }));
  }
  const total = figuresOf(all);
  return {
    period,
    total,
    by,
    mixShare: mixShareOf(total),
    measured: measuredBy(await store.arms(period, signal)),
  };
}

function figuresOf(sums: LedgerSums | undefined): Figures {
  if (sums === undefined) return nothing;
  const costUsd = usd(sums.costNanoUsd.sum);
  const routingUsd = usd(sums.routingCostNanoUsd.sum);
  const isKnown = sums.costNanoUsd.unknown === 0 && sums.routingCostNanoUsd.unknown === 0;
  const spentUsd = isKnown ? usd(sums.costNanoUsd.sum + sums.routingCostNanoUsd.sum) : undefined;
  return {
    exchanges: sums.exchanges,
    estimated: sums.estimatedExchanges,
    attempts: sums.attempts,
    inputTokens: Number(sums.tokens.input),
    outputTokens: Number(sums.tokens.output),
    costUsd,
    unknown: sums.costNanoUsd.unknown,
    routingUsd,
    routingUnknown: sums.routingCostNanoUsd.unknown,
    baselines: Object.fromEntries(
      Object.entries(sums.baselines).map(([name, sum]) => [name, baselineOf(sum, spentUsd)]),
    ),
  };
}

const nothing: Figures = {
  exchanges: 0,
  estimated: 0,
  attempts: 0,
  inputTokens: 0,
  outputTokens: 0,
  costUsd: 0,
  unknown: 0,
  routingUsd: 0,
  routingUnknown: 0,
  baselines: {},
};

function baselineOf({ sum, unknown }: BaselineSum, spentUsd: number | undefined): BaselineFigures {
  const costUsd = usd(sum);
  const savedUsd = unknown === 0 && spentUsd !== undefined ? costUsd - spentUsd : undefined;
  const savedShare = savedUsd !== undefined && costUsd > 0 ? savedUsd / costUsd : undefined;
  return { costUsd, unknown, savedUsd, savedShare };
}

function mixShareOf({ costUsd, unknown, baselines }: Figures): number | undefined {
  const { strongest, cheapest } = baselines;
  if (strongest === undefined || cheapest === undefined) return undefined;
  if (unknown + strongest.unknown + cheapest.unknown > 0) return undefined;
  const span = strongest.costUsd - cheapest.costUsd;
  return span > 0 ? (costUsd - cheapest.costUsd) / span : undefined;
}

/** 95 % of a normal distribution lie within so many standard deviations. */
const z95 = 1.959964;

/**
 * The difference of two means, with Welch's standard error (B. L. Welch, "The generalization of Student's problem…", 1947;
 * with the normal distribution, since arms have hundreds of exchanges). Costs are skewed: with few exchanges in an arm
 * the interval is too narrow. The share is the difference over the baseline's mean, by the delta method.
 */
export function measuredBy(arms: readonly ArmCosts[]): Measured | undefined {
  const [holdout, routed] = (["holdout", "routed"] as const).map((arm) =>
    arms.find((each) => each.arm === arm),
  );
  if (holdout === undefined || routed === undefined) return undefined;
  if (knownOf(holdout) < 2 || knownOf(routed) < 2) return undefined;
  const errors = [holdout, routed].map((arm) => arm.variance / knownOf(arm)) as [number, number]; // one for each
  const [ofHoldout, ofRouted] = errors;
  const saved = holdout.meanUsd - routed.meanUsd;
  const ratio = holdout.meanUsd === 0 ? undefined : routed.meanUsd / holdout.meanUsd;
  return {
    holdout: armFigures(holdout),
    routed: armFigures(routed),
    savedUsd: interval(saved, Math.sqrt(ofHoldout + ofRouted)),
    savedShare:
      ratio === undefined
        ? undefined
        : interval(1 - ratio, Math.sqrt(ofRouted + ratio * ratio * ofHoldout) / holdout.meanUsd),
  };
}

function interval(value: number, error: number): Interval {
  return { value, low: value - z95 * error, high: value + z95 * error };
}

function armFigures({ exchanges, unknown, meanUsd }: ArmCosts): ArmFigures {
  return { exchanges, unknown, meanUsd };
}

function knownOf({ exchanges, unknown }: ArmCosts): number {
  return exchanges - unknown;
}

/** Exact up to nine million dollars, and then to 15 digits. */
function usd(nano: bigint): number {
  return Number(nano) / 1e9;
}
