/** Token counts as OpenAI's chat API reports them. */
import { isJsonObject } from "../llm/json.ts";
import type { Usage } from "../llm/usage.ts";
import { readTokenCount } from "./wire.ts";

/** `usage` of an answer or of a chunk; undefined where it counts nothing. A missing side is taken from the total. */
export function readUsage(value: unknown): Usage | undefined {
  if (!isJsonObject(value)) return undefined;
  const input = readTokenCount(value["prompt_tokens"]);
  const output = readTokenCount(value["completion_tokens"]);
  const total = readTokenCount(value["total_tokens"]);
  if (input === undefined && output === undefined) return undefined;

  const inputTokens = input ?? rest(total, output);
  const outputTokens = output ?? rest(total, input);
  const cached = readDetail(value["prompt_tokens_details"], "cached_tokens", inputTokens);
  const reasoning = readDetail(value["completion_tokens_details"], "reasoning_tokens", outputTokens);
  return {
    inputTokens,
    outputTokens,
    ...(cached !== undefined && { cachedInputTokens: cached }),
    ...(reasoning !== undefined && { reasoningTokens: reasoning }),
  };
}

function rest(total: number | undefined, part: number | undefined): number {
  return Math.max(0, (total ?? 0) - (part ?? 0));
}

/** A detail is a part of its whole; a server that says otherwise must not make a cost negative. */
function readDetail(details: unknown, name: string, whole: number): number | undefined {
  const count = isJsonObject(details) ? readTokenCount(details[name]) : undefined;
  return count === undefined ? undefined : Math.min(count, whole);
}
