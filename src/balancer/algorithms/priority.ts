import type { RoutingDecision } from "../../llm/routing-decision.ts";
import { type BalanceRequest, defineBalancer, type Target } from "../balancer.ts";
import { createSmoothWeighted } from "../smooth-weighted.ts";

/**
 * The weight is the priority: targets of equal weight are a group, the highest group takes everything, and the next one
 * is used only while no target of a higher one is left. Round-robin inside a group, since its weights are equal.
 */
export const priority = defineBalancer({
  name: "priority",
  summary: "Sends to the targets of the highest weight; to others only when none of those is available.",
  create(_settings, targets) {
    const turn = createSmoothWeighted();
    const ranks = rankWeights(targets);
    const decisions = new Map([...ranks].map(([weight, rank]) => [weight, decisionFor(weight, rank)]));
    const own = new Set<RoutingDecision | undefined>([undefined, ...decisions.values()]);

    /** The last group tried is the one to tell of; what another has said of the request stays. */
    function explain(request: BalanceRequest, weight: number): void {
      if (own.has(request.decision)) request.decision = decisions.get(weight);
    }

    return {
      pick(candidates, request) {
        const group = heaviest(candidates);
        const target = turn.next(group, request);
        if (target !== undefined) explain(request, target.weight);
        return target;
      },
      describeTarget: (target) => ({ priority: ranks.get(target.weight) ?? 0 }),
    };
  },
});

/** Weight → rank of its group; 1 goes first. */
function rankWeights(targets: readonly Target[]): ReadonlyMap<number, number> {
  const weights = [...new Set(targets.map((target) => target.weight))].sort((a, b) => b - a);
  return new Map(weights.map((weight, index) => [weight, index + 1]));
}

function decisionFor(weight: number, rank: number): RoutingDecision {
  const why = rank === 1 ? "the highest there is" : "no target of a higher one is left";
  return Object.freeze({ reason: "balanced", detail: `priority ${weight}: ${why}`, groups: [] });
}

function heaviest(candidates: readonly Target[]): readonly Target[] {
  const most = candidates.reduce((weight, target) => Math.max(weight, target.weight), 0);
  return candidates.filter((target) => target.weight === most);
}
