/** Smooth weighted round-robin (nginx, ngx_http_upstream_round_robin.c): exact shares, evenly interleaved. */
import type { BalanceRequest } from "./balancer.ts";

interface Weighted {
  readonly index: number;
  readonly weight: number;
}

export interface SmoothWeighted {
  /**
   * The next of the candidates. From a fresh start every run of Σ weights picks gives each exactly its weight; when
   * the candidates change, shares follow the weights of those that are left. State is one number per index, which a
   * trial leaves as it is.
   */
  next<T extends Weighted>(candidates: readonly T[], request: Pick<BalanceRequest, "isTrial">): T | undefined;
}

export function createSmoothWeighted(): SmoothWeighted {
  const current: number[] = [];
  return {
    next(candidates, { isTrial }) {
      let best: (typeof candidates)[number] | undefined;
      let bestValue = Number.NEGATIVE_INFINITY;
      let total = 0;
      for (const candidate of candidates) {
        const value = (current[candidate.index] ?? 0) + candidate.weight;
        if (!isTrial) current[candidate.index] = value;
        total += candidate.weight;
        if (value > bestValue) {
          best = candidate;
          bestValue = value;
        }
      }
      if (best !== undefined && !isTrial) current[best.index] = bestValue - total;
      return best;
    },
  };
}
