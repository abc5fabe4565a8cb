/** What a request uses, in the units that budgets count: whole tokens, or whole pico-USD. */
import { picoCostOf } from "../accounting/cost.ts";
import { picoPerUsd, toUsd } from "../accounting/money.ts";
import type { Price } from "../accounting/price.ts";
import type { AttemptSpend } from "../llm/ai-facts.ts";
import type { BudgetLimitFacts } from "../llm/budget-facts.ts";
import type { ChatRequest } from "../llm/chat.ts";
import { messageText } from "../llm/prompt-text.ts";
import type { Usage } from "../llm/usage.ts";
import type { Candidate } from "./admission.ts";
import type { Expectation } from "./expectation.ts";

export type Strategy = BudgetLimitFacts["strategy"];

/** What a chat's form adds, per message and to the whole, as OpenAI's cookbook counts it. */
const tokensPerMessage = 4;
const tokensPerChat = 3;

/** Kong's factor for words, in its way of estimating the tokens of a stream. */
const tokensPerWord = 1.8;

/** Scripts without spaces between words have about as many. */
const bytesPerToken = 4;

/**
 * Tokens of the prompt, as far as they can be told before the call without making it wait for a tokenizer; rather too many
 * than too few, since what is missing is missing for every request that is under way.
 */
export function promptTokens(request: ChatRequest): number {
  const { messages, tools } = request;
  let bytes = 0;
  let words = 0;
  for (const message of messages) {
    const text = messageText(message);
    bytes += Buffer.byteLength(text);
    words += text.match(/\S+/g)?.length ?? 0;
  }
  const text = Math.ceil(Math.max(words * tokensPerWord, bytes / bytesPerToken));
  const declared = tools === undefined ? 0 : Math.ceil(JSON.stringify(tools).length / bytesPerToken);
  return text + declared + messages.length * tokensPerMessage + tokensPerChat;
}

/** The most tokens that an answer can have by the client's and the config's ceilings. */
export function ceilingOf(
  request: ChatRequest,
  { maxTokens }: Pick<Candidate, "maxTokens">,
): number | undefined {
  const asked = positive(request.max_completion_tokens) ?? positive(request.max_tokens);
  if (asked === undefined || maxTokens === undefined) return asked ?? maxTokens;
  return Math.min(asked, maxTokens);
}

/** What this target is expected to use for the request, with as many answers as it asks for. */
export function expectedUsage(
  request: ChatRequest,
  inputTokens: number,
  candidate: Pick<Candidate, "maxTokens">,
  expectation: Expectation,
): Usage {
  const each = expectation.of(ceilingOf(request, candidate));
  return { inputTokens, outputTokens: each * answersOf(request), estimated: true };
}

export function answersOf(request: ChatRequest): number {
  return positive(request["n"]) ?? 1;
}

/** 0 where a cost is asked for and the price is unknown. */
export function amountOf(strategy: Strategy, usage: Usage, price: Price | undefined): number {
  if (strategy !== "cost") return tokensOf(strategy, usage);
  return price === undefined ? 0 : picoCostOf(usage, price);
}

/** The same of an attempt that has ended. */
export function amountSpent(strategy: Strategy, { costUsd, usage }: AttemptSpend): number {
  return strategy === "cost" ? inUnits(strategy, costUsd ?? 0) : tokensOf(strategy, usage);
}

/** Tokens or USD as they are counted. Never throws. */
export function inUnits(strategy: Strategy, amount: number): number {
  return strategy === "cost" ? Math.round(amount * picoPerUsd) : amount;
}

/** For people: tokens, or USD without what is below a millionth. */
export function forPeople(strategy: Strategy, amount: number): number {
  return strategy === "cost" ? Math.floor(toUsd(amount) * 1e6) / 1e6 : amount;
}

function tokensOf(strategy: Exclude<Strategy, "cost">, { inputTokens, outputTokens }: Usage): number {
  if (strategy === "prompt_tokens") return inputTokens;
  return strategy === "completion_tokens" ? outputTokens : inputTokens + outputTokens;
}

function positive(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : undefined;
}
