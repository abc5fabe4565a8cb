/** Whose failure it was. */
import type { AttemptFailure } from "./balancer.ts";

/** Credentials, money, a wrong model or address, slowness, and limits: the target's, not the request's. */
const targetStatuses: ReadonlySet<number> = new Set([401, 402, 403, 404, 408, 425, 429]);

/** False for a status by which any target might have refused this request, such as 400, 413 or 422. */
export function tellsOfTarget(failure: AttemptFailure | undefined): boolean {
  if (failure?.startsWith("http_") !== true) return true;
  const status = Number(failure.slice("http_".length));
  return status >= 500 || targetStatuses.has(status);
}
