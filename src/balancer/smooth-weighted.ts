/** Smooth weighted round-robin (nginx, ngx_http_upstream_round_robin.c): exact shares, evenly interleaved. */

interface Weighted {
  readonly index: number;
  readonly weight: number;
}

export interface SmoothWeighted {
  /**
   * The next of the candidates. From a fresh start every run of Σ weights picks gives each exactly its weight; when
   * the candidates change, shares follow the weights of those that are left. State is one number per index.
   */
  next<T extends Weighted>(candidates: readonly T[]): T | undefined;
}

export function createSmoothWeighted(): SmoothWeighted {
  const current: number[] = [];
  return {
    next(candidates) {
      let best: (typeof candidates)[number] | undefined;
      let bestValue = Number.NEGATIVE_INFINITY;
      let total = 0;
      for (const candidate of candidates) {
        const value = (current[candidate.index] ?? 0) + candidate.weight;
        current[candidate.index] = value;
        total += candidate.weight;
        if (value > bestValue) {
          best = candidate;
          bestValue = value;
        }
      }
      if (best !== undefined) current[best.index] = bestValue - total;
      return best;
    },
  };
}
