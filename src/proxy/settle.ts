/** Closes the books of an exchange with a model, once, however it ended. */
import { costOf } from "../accounting/cost.ts";
import type { Usage } from "../llm/usage.ts";
import type { CallPlan } from "./call.ts";
import type { ChatCall } from "./chat-call.ts";

export interface Settlement {
  /** The answer was complete. */
  readonly ok: boolean;
  /** The client left; neither a success nor a failure of the target. */
  readonly clientAborted?: boolean;
  readonly usage: Usage | undefined;
  readonly responseModel: string | undefined;
  readonly finishReason: string | undefined;
}

/** Writes tokens, cost and times into the facts, and tells the balancer how the attempt went. */
export function settle(call: ChatCall, plan: CallPlan, settlement: Settlement): void {
  const { facts, services, settings } = call;
  const now = services.now();
  const { usage } = settlement;
  facts.llmLatencyMs = now - call.startedAt;
  facts.responseModel = settlement.responseModel ?? plan.resolved.model.name;
  if (settlement.finishReason !== undefined) facts.finishReason = settlement.finishReason;
  let costUsd: number | undefined;
  if (usage !== undefined) {
    facts.usage = usage;
    costUsd = costOf(usage, plan.target);
    if (costUsd !== undefined) facts.costUsd = costUsd;
  }
  if (settlement.clientAborted === true) return;
  settings.balancer.observe?.(plan.target, {
    ok: settlement.ok,
    latencyMs: now - plan.startedAt,
    ...(usage !== undefined && { usage }),
    ...(costUsd !== undefined && { costUsd }),
  });
}
