import { type BalanceRequest, defineBalancer } from "../balancer.ts";
import { createSmoothWeighted } from "../smooth-weighted.ts";

/** Deterministic and evenly interleaved, unlike a shuffled wheel, and fair over whichever targets are healthy. */
export const roundRobin = defineBalancer({
  name: "round-robin",
  summary: "Sends to each target in turn, in proportion to its weight.",
  create() {
    const turn = createSmoothWeighted();
    return {
      pick(candidates, request) {
        explain(request);
        return turn.next(candidates, request);
      },
    };
  },
});

const balanced = Object.freeze({ reason: "balanced", groups: [] } as const);

function explain(request: BalanceRequest): void {
  request.decision ??= balanced;
}
