/** What the end of an attempt tells the circuit breaker of its target. */
import type { Outcome } from "./balancer.ts";

/** `nothing` where somebody else ended it. */
export type Verdict = "success" | "failure" | "nothing";

/** 403 and 404 tell of the request or its credentials, never of the target's health (nginx). */
const neverCounted: ReadonlySet<number> = new Set([403, 404]);

/**
 * What an outcome tells the breaker. error, timeout and invalid_header are failures whatever is listed, a status only
 * where it is listed. unusable and stream, which nginx does not know, are failures always: like invalid_header they are
 * the target's own breach of its protocol, and there is no criterion by which one could list them. Any other status is an
 * answer from a target that is up, so that it counts as a success (as nginx does: a probe answered with 404 closes).
 */
export function verdictOf(outcome: Outcome, countedStatuses: ReadonlySet<number>): Verdict {
  if (outcome.ok) return "success";
  const { failure } = outcome;
  if (outcome.aborted === true || failure === undefined) return "nothing";
  if (!failure.startsWith("http_")) return "failure";
  const status = Number(failure.slice("http_".length));
  return countedStatuses.has(status) && !neverCounted.has(status) ? "failure" : "success";
}
