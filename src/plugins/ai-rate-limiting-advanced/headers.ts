/** The headers that tell a client what is left. */
import type { ReplyHeaders } from "../../http/reply.ts";
import type { BudgetAdmission } from "./admission.ts";
import { secondsOf } from "./refusal.ts";

type Limit = BudgetAdmission["limits"][number];

const prefix = "x-ai-ratelimit";

/** Adds them; of two limits with one window and name the one of which less is left is told. */
export function writeHeaders(headers: ReplyHeaders, { limits, refusal }: BudgetAdmission): void {
  const tightestFirst = [...limits].sort((a, b) => shareLeft(a) - shareLeft(b));
  const [tightest] = tightestFirst;
  if (tightest === undefined) return;
  const mayComeAgain = refusal !== undefined && !refusal.isTooLarge;
  for (const each of tightestFirst) {
    const { limit, policy } = each.applied;
    const place = `${limit.window}-${policy.name.toLowerCase()}`;
    if (headers[`${prefix}-limit-${place}`] !== undefined) continue;
    headers[`${prefix}-limit-${place}`] = decimals(each.facts.limit);
    headers[`${prefix}-remaining-${place}`] = decimals(each.facts.remaining);
    headers[`${prefix}-reset-${place}`] = String(secondsOf(each.resetAfterMs));
    if (mayComeAgain && each.facts.is_exceeded === true)
      headers[`${prefix}-retry-after-${place}`] = String(secondsOf(each.resetAfterMs));
    if (policy.isOfRequests) headers[`${prefix}-query-cost`] = decimals(each.facts.reserved);
  }
  const resetMs = refusal?.retryAfterMs ?? tightest.resetAfterMs;
  headers[`${prefix}-reset`] = String(secondsOf(resetMs));
  if (mayComeAgain) headers[`${prefix}-retry-after`] = String(secondsOf(resetMs));
}

function shareLeft({ facts }: Limit): number {
  return facts.remaining / facts.limit;
}

/** At most six decimals, and never an exponent. */
function decimals(value: number): string {
  return value.toFixed(6).replace(/\.?0+$/, "");
}
