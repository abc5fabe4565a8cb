import { type BalanceRequest, defineBalancer, type Target } from "../balancer.ts";
import { createSmoothWeighted } from "../smooth-weighted.ts";

/**
 * Weighted least connections: the lowest (in flight + 1) ÷ weight, so that a weight counts while all are idle too; ties
 * by smooth weighted round-robin. Under load the attempts in flight follow the weights, whatever the targets' speeds; a
 * lone client always gets the heaviest. A stream counts until its end.
 */
export const leastConnections = defineBalancer({
  name: "least-connections",
  summary: "Sends to the target that has the fewest requests under way for its weight.",
  create(_settings, targets, services) {
    const fromStart = () => ({ inFlight: 0 });
    // Looked up once: an attempt that outlives this balancer then still ends on the count that its successor reads.
    const counts = new Map(targets.map((target) => [target.id, services.memory.of(target, fromStart)]));
    const turn = createSmoothWeighted();
    const score = (target: Target) => ((counts.get(target.id)?.inFlight ?? 0) + 1) / target.weight;
    return {
      pick(candidates, request) {
        explain(request);
        return turn.next(lowest(candidates, score), request);
      },
      started(target) {
        const count = counts.get(target.id);
        if (count !== undefined) count.inFlight++;
      },
      observe(target) {
        const count = counts.get(target.id);
        if (count !== undefined && count.inFlight > 0) count.inFlight--;
      },
      describeTarget: (target) => ({
        connections: counts.get(target.id)?.inFlight ?? 0,
        score: score(target),
      }),
    };
  },
});

/** All that share the lowest score. */
function lowest(candidates: readonly Target[], score: (target: Target) => number): readonly Target[] {
  let best = Number.POSITIVE_INFINITY;
  let found: Target[] = [];
  for (const candidate of candidates) {
    const own = score(candidate);
    if (own < best) found = [];
    if (own > best) continue;
    best = own;
    found.push(candidate);
  }
  return found;
}

const balanced = Object.freeze({
  reason: "balanced",
  detail: "fewest requests under way for its weight",
  groups: [],
} as const);

function explain(request: BalanceRequest): void {
  request.decision ??= balanced;
}
