/** Closes the books of an attempt that had an answer, once, however the answer ended. */
import { costOf } from "../accounting/cost.ts";
import type { AttemptFailure, Spent } from "../balancer/balancer.ts";
import type { AnswerText } from "../llm/answer-text.ts";
import { estimateUsage, isCounted } from "../llm/estimate.ts";
import type { Usage } from "../llm/usage.ts";
import type { CallPlan } from "./call.ts";
import type { ChatCall } from "./chat-call.ts";

export interface Settlement {
  /** Undefined: the answer was complete. `aborted`: the client left; neither a success nor a failure of the target. */
  readonly failure: AttemptFailure | "aborted" | undefined;
  /**
   * Undefined: nothing of the answer is known, and neither whether the vendor bills any of it; then nothing is booked.
   */
  readonly tokens: AnswerTokens | undefined;
  readonly responseModel: string | undefined;
  readonly finishReason: string | undefined;
}

export interface AnswerTokens {
  /** What the vendor has counted. */
  readonly known: Usage | undefined;
  /** The vendor has said that the answer is complete. */
  readonly isComplete: boolean;
  /** Read where the vendor's counts are not all; the text is not kept. */
  readonly answer: () => AnswerText;
}

/**
 * Writes times, tokens and cost into the facts, and ends the attempt. Where tokens have to be estimated they and their
 * cost come later; the facts' `counting` says when. Nobody but the record and the algorithm waits for them.
 */
export function settle(call: ChatCall, plan: CallPlan, settlement: Settlement): void {
  const { facts, services } = call;
  const { failure, tokens } = settlement;
  facts.llmLatencyMs = services.now() - call.startedAt;
  facts.responseModel = settlement.responseModel ?? plan.resolved.model.name;
  if (settlement.finishReason !== undefined) facts.finishReason = settlement.finishReason;
  const end = {
    ok: failure === undefined,
    ...(failure === "aborted" ? { aborted: true as const } : failure !== undefined && { failure }),
  };
  if (tokens === undefined) {
    plan.end(end);
  } else if (isCounted(tokens.known, tokens.isComplete)) {
    const spent = spentOn(plan, tokens.known);
    Object.assign(facts, spent);
    plan.end({ ...end, ...spent });
  } else {
    const counting = estimate(call, plan, settlement, tokens);
    facts.counting = counting.then((spent) => {
      // Unless the facts are of another attempt by now.
      if (facts.tried.at(-1) === plan.tried) Object.assign(facts, spent);
    });
    plan.end(end, counting);
  }
}

async function estimate(
  call: ChatCall,
  plan: CallPlan,
  settlement: Settlement,
  tokens: AnswerTokens,
): Promise<Spent> {
  const { request, services } = call;
  const { known, isComplete } = tokens;
  const model = settlement.responseModel ?? plan.resolved.model.name;
  const uncounted = { request, model, answer: tokens.answer(), known, isComplete };
  return spentOn(plan, await estimateUsage(uncounted, services.countTokens));
}

function spentOn(plan: CallPlan, usage: Usage): Spent {
  const costUsd = costOf(usage, plan.target);
  return { usage, ...(costUsd !== undefined && { costUsd }) };
}
