/** Exponentially weighted moving averages; how much of the past is kept is the caller's to say (`decay.ts`). */

/** `keep` (0–1) of what was, and the rest of the sample; the sample itself where nothing was. */
export function average(previous: number | undefined, sample: number, keep: number): number {
  return previous === undefined ? sample : previous * keep + sample * (1 - keep);
}

/**
 * Peak-sensitive (after Finagle's PeakEwma): rises at once, falls slowly. A sample counts at once as far as it exceeds
 * the noise, which is `margin` (from 1) times the average: the result is never below sample ÷ margin.
 */
export function peakAverage(previous: number | undefined, sample: number, keep: number, margin = 1): number {
  return Math.max(average(previous, sample, keep), sample / margin);
}
