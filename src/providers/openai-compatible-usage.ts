/** Token counts as OpenAI's chat API reports them. */
import { isJsonObject } from "../llm/json.ts";
import type { Usage } from "../llm/usage.ts";
import { readTokenCount } from "./wire.ts";

/**
 * `usage` of an answer or of a chunk; undefined where it counts nothing. A missing side is taken from the total. The
 * service tier stands beside it, not in it (https://platform.openai.com/docs/api-reference/chat/object).
 */
export function readUsage(value: unknown, serviceTier?: string): Usage | undefined {
  if (!isJsonObject(value)) return undefined;
  const input = readTokenCount(value["prompt_tokens"]);
  const output = readTokenCount(value["completion_tokens"]);
  const total = readTokenCount(value["total_tokens"]);
  if (input === undefined && output === undefined) return undefined;

  const inputTokens = input ?? rest(total, output);
  const outputTokens = output ?? rest(total, input);
  const prompt = value["prompt_tokens_details"];
  const completion = value["completion_tokens_details"];
  // Some servers of the dialect tell cache hits beside the counts, under this name, and only there.
  const cached =
    readPart(prompt, "cached_tokens", inputTokens) ?? readPart(value, "prompt_cache_hit_tokens", inputTokens);
  const written = readPart(prompt, "cache_write_tokens", inputTokens - (cached ?? 0));
  const audioInput = readPart(prompt, "audio_tokens", inputTokens);
  const reasoning = readPart(completion, "reasoning_tokens", outputTokens);
  const audioOutput = readPart(completion, "audio_tokens", outputTokens);
  const accepted = readPart(completion, "accepted_prediction_tokens", outputTokens);
  const rejected = readPart(completion, "rejected_prediction_tokens", outputTokens);
  return {
    inputTokens,
    outputTokens,
    ...(cached !== undefined && { cachedInputTokens: cached }),
    ...(written !== undefined && { cacheWriteTokens: written }),
    ...(reasoning !== undefined && { reasoningTokens: reasoning }),
    // Every answer says 0 in these, of which nobody wants to know.
    ...(audioInput !== undefined && audioInput > 0 && { audioInputTokens: audioInput }),
    ...(audioOutput !== undefined && audioOutput > 0 && { audioOutputTokens: audioOutput }),
    ...(accepted !== undefined && accepted > 0 && { acceptedPredictionTokens: accepted }),
    ...(rejected !== undefined && rejected > 0 && { rejectedPredictionTokens: rejected }),
    ...(serviceTier !== undefined && { serviceTier }),
  };
}

function rest(total: number | undefined, part: number | undefined): number {
  return Math.max(0, (total ?? 0) - (part ?? 0));
}

/** A detail is a part of its whole; a server that says otherwise must not make a cost negative. */
function readPart(details: unknown, name: string, whole: number): number | undefined {
  const count = isJsonObject(details) ? readTokenCount(details[name]) : undefined;
  return count === undefined ? undefined : Math.min(count, whole);
}
