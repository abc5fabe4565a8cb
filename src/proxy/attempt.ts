/** One attempt on one target: every way it goes ends its lease exactly once. */
import type { Lease } from "../balancer/pool.ts";
import { GatewayError } from "../errors.ts";
import type { Reply } from "../http/reply.ts";
import { retryAfterMs } from "../http/retry-after.ts";
import type { UpstreamResponse } from "../http/upstream-client.ts";
import { UpstreamError } from "../http/upstream-error.ts";
import { type CallPlan, planAttempt } from "./call.ts";
import type { ChatCall } from "./chat-call.ts";
import { type FailedAttempt, failedAttempt } from "./failed-attempt.ts";
import { upstreamClientError } from "./failure.ts";
import { failureHeaders, relayAnswer } from "./relay.ts";
import type { ProxyTarget } from "./target.ts";
import { totalTimeoutOf } from "./total-timeout.ts";

/**
 * An answer that may go to the client, or how there came to be none. Throws what cannot be encoded, and the client's
 * reason when it leaves.
 */
export async function attempt(call: ChatCall, lease: Lease<ProxyTarget>): Promise<Reply | FailedAttempt> {
  const plan = planAttempt(call, lease);
  try {
    const response = await call.services.upstream.send(plan.call, call.cancellation);
    plan.answered(response.status);
    if (response.status < 200 || response.status >= 300) return refused(call, plan, response);
    return await relayAnswer(call, plan, response);
  } catch (error) {
    const failed = unanswered(call, plan, error);
    if (failed !== undefined) return failed;
    // The client has left, or it is a fault of ours: nothing is known of the target.
    plan.end({ ok: false, aborted: true });
    throw error;
  }
}

function unanswered(call: ChatCall, plan: CallPlan, error: unknown): FailedAttempt | undefined {
  if (error === call.cancellation.reason) {
    const timeout = totalTimeoutOf(call.cancellation);
    if (timeout === undefined) return undefined;
    plan.failed("total_timeout", "timeout");
    plan.end({ ok: false, failure: "timeout" });
    return failedAttempt(false, new GatewayError("upstream_timeout", {}, { cause: timeout }));
  }
  if (!(error instanceof UpstreamError)) return undefined;
  plan.failed(error.reason, error.kind);
  plan.end({ ok: false, failure: error.kind });
  return failedAttempt(call.settings.rules.afterError(error), upstreamClientError(error));
}

/** An upstream's error answer goes to the client as it came, body and type untouched (spec E21, E22). */
function refused(call: ChatCall, plan: CallPlan, response: UpstreamResponse): FailedAttempt {
  const { status, headers, body } = response;
  const failure = `http_${status}` as const;
  plan.failed(failure);
  const wait = asksToWait(status) ? retryAfterMs(headers, call.services.wallClock) : undefined;
  plan.end({ ok: false, failure, ...(wait !== undefined && { retryAfterMs: wait }) });
  return {
    mayRepeat: call.settings.rules.afterStatus(status),
    conclude: () => ({ status, headers: failureHeaders(response), body }),
    discard: () => body.cancel(new Error("another target is tried")),
  };
}

/** Too many requests (RFC 6585, section 4), and trouble of the server's own; elsewhere the header is not about the target. */
function asksToWait(status: number): boolean {
  return status === 429 || status >= 500;
}
