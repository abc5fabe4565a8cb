/** Why a request could not be tried on any target, for the client and for the record. */
import type { Attempts, TargetPool, TargetStatus } from "../balancer/pool.ts";
import { GatewayError } from "../errors.ts";
import type { UnavailableTarget } from "../llm/ai-facts.ts";
import type { RoutingDecision } from "../llm/routing-decision.ts";
import type { ProxyTarget } from "./target.ts";

/** The error for the client; with `Retry-After` where waiting helps. */
export function noTarget(
  attempts: Pick<Attempts<ProxyTarget>, "retryInMs">,
  decision: RoutingDecision | undefined,
  candidates: number,
): GatewayError {
  const { retryInMs } = attempts;
  const nearest = decision?.groups[0];
  // A group within the threshold, all of which is left out, is not a prompt that matches nothing.
  if (decision?.reason === "no_match" && nearest?.within !== true) {
    return new GatewayError("no_target", {
      threshold: decision.threshold,
      nearest: nearest === undefined ? "none" : `${nearest.distance.toFixed(3)}, "${nearest.description}"`,
    });
  }
  if (retryInMs === undefined)
    return new GatewayError("no_healthy_target", { reason: "every target has been tried or ruled out" });
  const retryAfterSeconds = Math.max(1, Math.ceil(retryInMs / 1000));
  const who = candidates === 1 ? "the only target" : `all ${candidates} targets that may answer`;
  return new GatewayError(
    "no_healthy_target",
    {
      reason: `${who} ${candidates === 1 ? "is" : "are"} left out after failures; try again in ${retryAfterSeconds} s`,
    },
    { retryAfterSeconds },
  );
}

/** Which of the candidates are left out at the moment. */
export function unavailableTargets(
  pool: TargetPool<ProxyTarget>,
  candidates: readonly ProxyTarget[],
): readonly UnavailableTarget[] {
  return pool.status().flatMap((status) => {
    const state = stateOf(status);
    if (state === undefined || !candidates.some(({ index }) => index === status.index)) return [];
    return [{ target: status.name, state, retry_in_ms: Math.round(status.retryInMs) }];
  });
}

function stateOf({ breaker, healthy, retryInMs }: TargetStatus): UnavailableTarget["state"] | undefined {
  if (healthy === false) return "unhealthy";
  if (breaker === "open" || breaker === "half-open") return breaker;
  return retryInMs > 0 ? "cooling" : undefined;
}
