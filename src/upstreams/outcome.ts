/** What an answer, or its absence, says of a target, by the lists of statuses in a health check. */
import type { Outcome } from "../balancer/balancer.ts";

/** The failures are counted apart. */
export type FailureSort = "http" | "tcp" | "timeout";

/** undefined: nothing. */
export type Sign = "good" | FailureSort | undefined;

/** `PassiveChecks` and `ActiveChecks` both have them. */
export interface SignRules {
  readonly type: string;
  readonly healthy: { readonly http_statuses: readonly number[] };
  readonly unhealthy: { readonly http_statuses: readonly number[] };
}

/** Of an answer with this status. */
export function signOfStatus(status: number, { healthy, unhealthy }: SignRules): Sign {
  if (unhealthy.http_statuses.includes(status)) return "http";
  return healthy.http_statuses.includes(status) ? "good" : undefined;
}

/** Of an attempt that has ended. An answer that broke off is a failure of the connection. */
export function signOf({ aborted, failure, status }: Outcome, rules: SignRules): Sign {
  if (failure === "timeout") return "timeout";
  if (failure !== undefined && !failure.startsWith("http_")) return "tcp";
  // A client that left in the middle of an answer has seen its status; one that left before has seen nothing.
  if (status === undefined) return aborted === true ? undefined : "good";
  return rules.type === "tcp" ? "good" : signOfStatus(status, rules);
}
