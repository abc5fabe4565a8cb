/** When a failed attempt may be followed by another: nginx's `proxy_next_upstream`, POST included. */
import type { UpstreamError } from "../http/upstream-client.ts";

/** The values of `balancer.failover_criteria`. */
export type FailoverCriterion =
  | "error"
  | "timeout"
  | "invalid_header"
  | "non_idempotent"
  | "http_403"
  | "http_404"
  | "http_429"
  | "http_500"
  | "http_502"
  | "http_503"
  | "http_504";

/** `after` says whether an attempt that ended like this may be repeated on another target. */
export interface FailoverRules {
  afterError(error: UpstreamError): boolean;
  afterStatus(status: number): boolean;
}

/**
 * nginx's rule for methods that are not idempotent (a chat request is a POST): once something of the request has
 * been sent, it goes to another server only where `non_idempotent` is listed (ngx_http_proxy_module, proxy_next_upstream).
 */
export function failoverRules(criteria: readonly FailoverCriterion[]): FailoverRules {
  const listed = new Set<string>(criteria);
  const mayResend = listed.has("non_idempotent");
  return {
    afterError: (error) => listed.has(error.kind) && (mayResend || !error.sent),
    afterStatus: (status) => mayResend && listed.has(`http_${status}`),
  };
}
