/** When a failed attempt may be followed by another: nginx's `proxy_next_upstream`, POST included. */
import type { FailureKind } from "../http/upstream-error.ts";

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
  afterError(error: { readonly kind: FailureKind; readonly sent: boolean }): boolean;
  afterStatus(status: number): boolean;
  /** After the head of a good answer, while the client has seen nothing of it. */
  afterAnswer(kind: FailureKind): boolean;
}

/**
 * nginx's rule for methods that are not idempotent (a chat request is a POST): once something of the request has
 * been sent, it goes to another server only where `non_idempotent` is listed (ngx_http_proxy_module, proxy_next_upstream).
 * An answer that goes wrong after its head, of which nginx has no word, is told in the words for the head: broken off or
 * an error of the vendor's inside it: `error`, stalled: `timeout`, not to be read: `invalid_header`.
 */
export function failoverRules(criteria: readonly FailoverCriterion[]): FailoverRules {
  const listed = new Set<string>(criteria);
  const mayResend = listed.has("non_idempotent");
  return {
    afterError: (error) => listed.has(error.kind) && (mayResend || !error.sent),
    afterStatus: (status) => mayResend && listed.has(`http_${status}`),
    afterAnswer: (kind) => mayResend && listed.has(kind),
  };
}

/** The statuses among the criteria. */
export function listedStatuses(criteria: readonly FailoverCriterion[]): ReadonlySet<number> {
  const statuses = criteria.filter((each) => each.startsWith("http_"));
  return new Set(statuses.map((each) => Number(each.slice("http_".length))));
}
