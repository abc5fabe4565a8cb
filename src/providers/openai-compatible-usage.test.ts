import { describe, expect, it } from "vitest";
import { readUsage } from "./openai-compatible-usage.ts";

describe("usage of the dialect", () => {
  it("has every part that a price may tell apart", () => {
    const usage = {
      prompt_tokens: 100,
      completion_tokens: 20,
      total_tokens: 120,
      prompt_tokens_details: { cached_tokens: 40, cache_write_tokens: 30, audio_tokens: 10 },
      completion_tokens_details: { reasoning_tokens: 5, audio_tokens: 7 },
    };
    expect(readUsage(usage, "flex")).toEqual({
      inputTokens: 100,
      outputTokens: 20,
      cachedInputTokens: 40,
      cacheWriteTokens: 30,
      audioInputTokens: 10,
      reasoningTokens: 5,
      audioOutputTokens: 7,
      serviceTier: "flex",
    });
  });

  it("has cache hits also from servers that tell them beside the counts", () => {
    const hit = {
      prompt_tokens: 10,
      completion_tokens: 1,
      prompt_cache_hit_tokens: 8,
      prompt_cache_miss_tokens: 2,
    };
    expect(readUsage(hit)).toMatchObject({ inputTokens: 10, cachedInputTokens: 8 });
    const both = { ...hit, prompt_tokens_details: { cached_tokens: 7 } };
    expect(readUsage(both)).toMatchObject({ cachedInputTokens: 7 });
  });

  it("never has a part larger than its whole", () => {
    const usage = {
      prompt_tokens: 10,
      completion_tokens: 2,
      prompt_tokens_details: { cached_tokens: 8, cache_write_tokens: 9, audio_tokens: 99 },
      completion_tokens_details: { reasoning_tokens: 3, audio_tokens: 0 },
    };
    expect(readUsage(usage)).toEqual({
      inputTokens: 10,
      outputTokens: 2,
      cachedInputTokens: 8,
      cacheWriteTokens: 2,
      audioInputTokens: 10,
      reasoningTokens: 2,
    });
  });
});
