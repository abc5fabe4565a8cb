/** Closes the books of an attempt that had an answer, once, however the answer ended. */
import { baselineCosts } from "../accounting/baselines.ts";
import { costOf } from "../accounting/cost.ts";
import type { AttemptFailure, Spent } from "../balancer/balancer.ts";
import { type AttemptSpend, costOfAttempts } from "../llm/ai-facts.ts";
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
  readonly responseId: string | undefined;
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
  if (settlement.responseId !== undefined) facts.responseId = settlement.responseId;
  if (settlement.finishReason !== undefined) facts.finishReason = settlement.finishReason;
  const end = {
    ok: failure === undefined,
    ...(failure === "aborted" ? { aborted: true as const } : failure !== undefined && { failure }),
  };
  if (tokens === undefined) {
    plan.end(end);
  } else if (isCounted(tokens.known, tokens.isComplete)) {
    const spend = spendOf(plan, tokens.known);
    book(call, plan, spend);
    plan.end({ ...end, ...learned(spend) });
  } else {
    const counting = estimate(call, plan, settlement, tokens);
    const booked = counting.then((spend) => book(call, plan, spend));
    facts.counting = Promise.all([facts.counting, booked]).then(() => undefined);
    plan.end(end, counting.then(learned));
  }
}

/** The answer's tokens are those of the last attempt; its cost is that of all of them. */
function book({ facts, settings }: ChatCall, { tried }: CallPlan, spend: AttemptSpend): void {
  tried.spend = spend;
  if (facts.tried.at(-1) === tried) {
    facts.usage = spend.usage;
    facts.baselines = baselineCosts(settings.baselines, spend.usage);
    if (spend.priceSource !== undefined) facts.priceSource = spend.priceSource;
  }
  const costUsd = costOfAttempts(facts.tried);
  if (costUsd === undefined) delete facts.costUsd;
  else facts.costUsd = costUsd;
}

/** What algorithms learn of it. */
function learned({ usage, costUsd }: AttemptSpend): Spent {
  return costUsd === undefined ? { usage } : { usage, costUsd };
}

async function estimate(
  call: ChatCall,
  plan: CallPlan,
  settlement: Settlement,
  tokens: AnswerTokens,
): Promise<AttemptSpend> {
  const { request, services } = call;
  const { known, isComplete } = tokens;
  const model = settlement.responseModel ?? plan.resolved.model.name;
  const uncounted = { request, model, answer: tokens.answer(), known, isComplete };
  return spendOf(plan, await estimateUsage(uncounted, services.countTokens));
}

function spendOf(plan: CallPlan, usage: Usage): AttemptSpend {
  const { price } = plan.resolved;
  const costUsd = costOf(usage, price?.price);
  if (price === undefined || costUsd === undefined) return { usage };
  return { usage, costUsd, priceSource: price.source };
}
