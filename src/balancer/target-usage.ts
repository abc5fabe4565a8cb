/** What a target has used, fading with time, and what the attempts under way are likely to add. */
import { leftAfterHalving } from "../util/decay.ts";

/** Outlives a reload; of fixed size. All but `inFlight` fades together, and is as of `asOf`. */
export interface TargetUsage {
  asOf: number;
  /** What was measured, added up, and the attempts it was measured of. */
  sum: number;
  measured: number;
  /** Attempts that ended with nothing measured. */
  unmeasured: number;
  /** Where it was put at its start, so as not to have to catch up. */
  start: number;
  inFlight: number;
}

export function createTargetUsage(now: number): TargetUsage {
  return { asOf: now, sum: 0, measured: 0, unmeasured: 0, start: 0, inFlight: 0 };
}

/** Lets everything fade to what is left of it now. */
export function fade(usage: TargetUsage, now: number, halfLifeMs: number): void {
  const left = leftAfterHalving(now - usage.asOf, halfLifeMs);
  usage.asOf = now;
  if (left === 1) return;
  usage.sum *= left;
  usage.measured *= left;
  usage.unmeasured *= left;
  usage.start *= left;
}

/** What an attempt has used on average, of late; undefined while too little of what was measured is left to tell. */
export function meanOf(usage: TargetUsage): number | undefined {
  return usage.measured < faintest ? undefined : usage.sum / usage.measured;
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
  return usage.start + usage.sum + usage.unmeasured * Math.max(mean, typical) + usage.inFlight * mean;
}
