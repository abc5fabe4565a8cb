/** What a target has used, fading with time, and what the attempts under way are likely to add. */
import { leftAfterHalving } from "../util/decay.ts";
import type { Heard, Row } from "./balancer.ts";

/** Sums that fade together, as of `asOf`. */
export interface UsageSums {
  asOf: number;
  /** What was measured, added up, and the attempts it was measured of. */
  sum: number;
  measured: number;
  /** Attempts that ended with nothing measured. */
  unmeasured: number;
  /** Where it was put at its start, so as not to have to catch up. */
  start: number;
}

/** Outlives a reload; of fixed size. */
export interface TargetUsage {
  readonly own: UsageSums;
  inFlight: number;
  /** Of all other processes together. */
  readonly others: UsageSums;
  othersInFlight: number;
}

export function createTargetUsage(now: number): TargetUsage {
  return { own: noSums(now), inFlight: 0, others: noSums(now), othersInFlight: 0 };
}

function noSums(now: number): UsageSums {
  return { asOf: now, sum: 0, measured: 0, unmeasured: 0, start: 0 };
}

/** Lets everything fade to what is left of it now. */
export function fade({ own, others }: TargetUsage, now: number, halfLifeMs: number): void {
  fadeSums(own, now, halfLifeMs);
  fadeSums(others, now, halfLifeMs);
}

function fadeSums(sums: UsageSums, now: number, halfLifeMs: number): void {
  const elapsed = now - sums.asOf;
  sums.asOf = now;
  if (elapsed <= 0 || (sums.measured === 0 && sums.unmeasured === 0 && sums.start === 0)) return;
  const left = leftAfterHalving(elapsed, halfLifeMs);
  sums.sum *= left;
  sums.measured *= left;
  sums.unmeasured *= left;
  sums.start *= left;
}

/** What this process tells the others of a usage. */
export function tellUsage({ own, inFlight }: TargetUsage): Row {
  return [own.asOf, own.sum, own.measured, own.unmeasured, own.start, inFlight];
}

/** The sums of all others, as of now. Processes that have ended have nothing under way, and have used what they have. */
export function hearUsage(
  usage: TargetUsage,
  heard: readonly Heard[],
  now: number,
  halfLifeMs: number,
): void {
  const all = noSums(now);
  usage.othersInFlight = 0;
  for (const { row, clockOffsetMs, isAlive } of heard) {
    const [asOf = 0, sum = 0, measured = 0, unmeasured = 0, start = 0, inFlight = 0] = row;
    const sums = { asOf: asOf + clockOffsetMs, sum, measured, unmeasured, start };
    fadeSums(sums, now, halfLifeMs);
    all.sum += sums.sum;
    all.measured += sums.measured;
    all.unmeasured += sums.unmeasured;
    all.start = Math.max(all.start, sums.start); // each of them has lifted the same target
    if (isAlive) usage.othersInFlight += inFlight;
  }
  Object.assign(usage.others, all);
}

/** Attempts that something was measured of, here and elsewhere. */
export function measuredOf({ own, others }: TargetUsage): number {
  return own.measured + others.measured;
}

export function unmeasuredOf({ own, others }: TargetUsage): number {
  return own.unmeasured + others.unmeasured;
}

export function inFlightOf({ inFlight, othersInFlight }: TargetUsage): number {
  return inFlight + othersInFlight;
}

/** What an attempt has used on average, of late; undefined while too little of what was measured is left to tell. */
export function meanOf(usage: TargetUsage): number | undefined {
  const measured = measuredOf(usage);
  return measured < faintest ? undefined : (usage.own.sum + usage.others.sum) / measured;
}

/** After some 20 half-lives a single answer is forgotten, long before rounding spoils the quotient. */
const faintest = 1e-6;

/** What an attempt uses at a target of which nothing is known: the mean of the others; undefined if none is known. */
export function typicalOf(usages: readonly TargetUsage[]): number | undefined {
  let total = 0;
  let count = 0;
  for (const usage of usages) {
    const mean = meanOf(usage);
    if (mean === undefined) continue;
    total += mean;
    count++;
  }
  return count === 0 ? undefined : total / count;
}

/**
 * Everything a target has used and is about to use. Attempts under way count as its mean ones, so that a burst spreads
 * before the first of it has ended; so do those with nothing measured, and as no less than `typical`, for a free target
 * that fails would otherwise get every request first. `typical` is any number above 0 where none is known.
 */
export function usageOf(usage: TargetUsage, typical: number): number {
  const mean = meanOf(usage) ?? typical;
  const { own, others } = usage;
  const used = Math.max(own.start, others.start) + own.sum + others.sum;
  return used + unmeasuredOf(usage) * Math.max(mean, typical) + inFlightOf(usage) * mean;
}
