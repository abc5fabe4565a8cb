/** The routing decision in one header, for people who read `curl -i`. */
import type { RoutingDecision } from "../llm/routing-decision.ts";

/** E.g. `reason=matched; distance=0.412; threshold=0.7; margin=0.210`; undefined where there was nothing to decide. */
export function routingHeader(decision: RoutingDecision | undefined): string | undefined {
  if (decision === undefined) return undefined;
  const parts = [`reason=${decision.reason}`];
  const nearest = decision.groups[0];
  if (nearest !== undefined) parts.push(`distance=${nearest.distance.toFixed(3)}`);
  if (decision.threshold !== undefined && decision.groups.length > 0)
    parts.push(`threshold=${decision.threshold}`);
  if (decision.margin !== undefined) parts.push(`margin=${decision.margin.toFixed(3)}`);
  if (decision.inherited === true) parts.push("inherited");
  return parts.join("; ");
}
