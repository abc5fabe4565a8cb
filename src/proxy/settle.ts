/** Closes the books of an attempt that had an answer, once, however the answer ended. */
import { costOf } from "../accounting/cost.ts";
import type { AttemptFailure } from "../balancer/balancer.ts";
import type { Usage } from "../llm/usage.ts";
import type { CallPlan } from "./call.ts";
import type { ChatCall } from "./chat-call.ts";

export interface Settlement {
  /** Undefined: the answer was complete. `aborted`: the client left; neither a success nor a failure of the target. */
  readonly failure: AttemptFailure | "aborted" | undefined;
  readonly usage: Usage | undefined;
  readonly responseModel: string | undefined;
  readonly finishReason: string | undefined;
}

/** Writes tokens, cost and times into the facts, and ends the attempt. */
export function settle(call: ChatCall, plan: CallPlan, settlement: Settlement): void {
  const { facts, services } = call;
  const { failure, usage } = settlement;
  facts.llmLatencyMs = services.now() - call.startedAt;
  facts.responseModel = settlement.responseModel ?? plan.resolved.model.name;
  if (settlement.finishReason !== undefined) facts.finishReason = settlement.finishReason;
  let costUsd: number | undefined;
  if (usage !== undefined) {
    facts.usage = usage;
    const { price } = plan.resolved;
    costUsd = costOf(usage, price?.price);
    if (price !== undefined && costUsd !== undefined) {
      facts.costUsd = costUsd;
      facts.priceSource = price.source;
    }
    const provider = plan.target.provider.name;
    facts.spent.push({ provider, target: `${provider}/${plan.resolved.model.name}`, usage, costUsd });
  }
  plan.end({
    ok: failure === undefined,
    ...(failure === "aborted" ? { aborted: true as const } : failure !== undefined && { failure }),
    ...(usage !== undefined && { usage }),
    ...(costUsd !== undefined && { costUsd }),
  });
}
