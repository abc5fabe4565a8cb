/** The routing decision in one header, for people who read `curl -i`. */
import type { BudgetFacts } from "../llm/budget-facts.ts";
import type { RoutingDecision } from "../llm/routing-decision.ts";

/** Numbers are dear to print, and a cached prompt's groups come again as the very same list. */
const measured = new WeakMap<RoutingDecision["groups"], string>();

/**
 * E.g. `reason=matched; distance=0.412; threshold=0.7; margin=0.210`; undefined where there was nothing to decide. Ends in
 * `budget=soft` where little of a budget is left, so that the cheapest target was chosen.
 */
export function routingHeader(
  decision: RoutingDecision | undefined,
  budget?: BudgetFacts,
): string | undefined {
  const shift = budget?.outcome === "soft" ? "budget=soft" : undefined;
  if (decision === undefined) return shift;
  const words = describeDecision(decision);
  return shift === undefined ? words : `${words}; ${shift}`;
}

function describeDecision(decision: RoutingDecision): string {
  let distances = measured.get(decision.groups);
  if (distances === undefined) {
    distances = describeDistances(decision);
    measured.set(decision.groups, distances);
  }
  return `reason=${decision.reason}${distances}${decision.inherited === true ? "; inherited" : ""}`;
}

function describeDistances({ groups, threshold, margin }: RoutingDecision): string {
  const [nearest] = groups;
  if (nearest === undefined) return "";
  const parts = ["", `distance=${nearest.distance.toFixed(3)}`];
  if (threshold !== undefined) parts.push(`threshold=${threshold}`);
  if (margin !== undefined) parts.push(`margin=${margin.toFixed(3)}`);
  return parts.join("; ");
}
