/** How much of something is left after a while; clocks that step back count as standing still. */

/** e^(−elapsed ÷ time constant): 1 at once, 0.37 after one time constant. Both in the same unit, the constant above 0. */
export function leftAfter(elapsed: number, timeConstant: number): number {
  return Math.exp(-Math.max(0, elapsed) / timeConstant);
}

/** 2^(−elapsed ÷ half-life): 1 at once, a half after one half-life. Both in the same unit, the half-life above 0. */
export function leftAfterHalving(elapsed: number, halfLife: number): number {
  return 2 ** (-Math.max(0, elapsed) / halfLife);
}
