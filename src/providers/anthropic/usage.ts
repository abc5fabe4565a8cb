/** Token counts of the Messages API, read into our vocabulary and written in OpenAI's. */
import { isJsonObject, type JsonObject } from "../../llm/json.ts";
import type { Usage } from "../../llm/usage.ts";
import { readArray, readText, readTokenCount } from "../wire.ts";

/**
 * `usage` of a message. The vendor counts cached input beside `input_tokens`; ours includes it. `iterations` (one entry
 * for each sampling a request took, compaction included) is summed, because the counts beside it leave some out.
 * Undefined where nothing is counted.
 */
export function readUsage(value: unknown): Usage | undefined {
  if (!isJsonObject(value)) return undefined;
  const iterations = readArray(value["iterations"]).filter(isJsonObject);
  const counted = iterations.length > 0 ? iterations : [value];
  const fresh = sum(counted, "input_tokens");
  const output = sum(counted, "output_tokens");
  if (fresh === undefined && output === undefined) return undefined;

  const read = sum(counted, "cache_read_input_tokens");
  const byTtl = readLives(counted);
  const written = sum(counted, "cache_creation_input_tokens") ?? total(byTtl);
  const details = value["output_tokens_details"];
  const reasoning = isJsonObject(details) ? readTokenCount(details["thinking_tokens"]) : undefined;
  const outputTokens = output ?? 0;
  const serviceTier = readText(value["service_tier"]);
  return {
    inputTokens: (fresh ?? 0) + (read ?? 0) + (written ?? 0),
    outputTokens,
    ...(read !== undefined && { cachedInputTokens: read }),
    ...(written !== undefined && { cacheWriteTokens: written }),
    ...(byTtl !== undefined && { cacheWriteTokensByTtl: byTtl }),
    ...(reasoning !== undefined && { reasoningTokens: Math.min(reasoning, outputTokens) }),
    ...(serviceTier !== undefined && { serviceTier }),
  };
}

/** `usage` as OpenAI's clients know it; `cache_write_tokens` is the one addition. */
export function toOpenAiUsage(usage: Usage): JsonObject {
  return {
    prompt_tokens: usage.inputTokens,
    completion_tokens: usage.outputTokens,
    total_tokens: usage.inputTokens + usage.outputTokens,
    prompt_tokens_details: {
      cached_tokens: usage.cachedInputTokens ?? 0,
      ...(usage.cacheWriteTokens !== undefined && { cache_write_tokens: usage.cacheWriteTokens }),
    },
    completion_tokens_details: { reasoning_tokens: usage.reasoningTokens ?? 0 },
  };
}

/** The lives an entry of the prompt cache may have, and where each is counted. */
const lives = [
  ["5m", "ephemeral_5m_input_tokens"],
  ["1h", "ephemeral_1h_input_tokens"],
] as const;

/** `cache_creation` of every count, by the life of the entries; undefined where nothing was written. */
function readLives(counted: readonly JsonObject[]): Readonly<Record<string, number>> | undefined {
  let byTtl: Record<string, number> | undefined;
  for (const { cache_creation: creation } of counted) {
    if (!isJsonObject(creation)) continue;
    for (const [ttl, name] of lives) {
      const tokens = readTokenCount(creation[name]) ?? 0;
      if (tokens === 0) continue;
      byTtl ??= {};
      byTtl[ttl] = (byTtl[ttl] ?? 0) + tokens;
    }
  }
  return byTtl;
}

function total(byTtl: Readonly<Record<string, number>> | undefined): number | undefined {
  return byTtl && Object.values(byTtl).reduce((all, tokens) => all + tokens, 0);
}

function sum(items: readonly JsonObject[], name: string): number | undefined {
  const counts = items.map((item) => readTokenCount(item[name])).filter((count) => count !== undefined);
  return counts.length === 0 ? undefined : counts.reduce((all, count) => all + count, 0);
}
