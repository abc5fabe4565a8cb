import { describe, expect, it } from "vitest";
import { readUsage } from "./usage.ts";

describe("usage of the Messages API", () => {
  it("tells cache writes apart by the life of the entry, and names the tier", () => {
    const usage = {
      input_tokens: 10,
      output_tokens: 5,
      cache_read_input_tokens: 100,
      cache_creation_input_tokens: 70,
      cache_creation: { ephemeral_5m_input_tokens: 20, ephemeral_1h_input_tokens: 50 },
      service_tier: "priority",
    };
    expect(readUsage(usage)).toEqual({
      inputTokens: 180,
      outputTokens: 5,
      cachedInputTokens: 100,
      cacheWriteTokens: 70,
      cacheWriteTokensByTtl: { "5m": 20, "1h": 50 },
      serviceTier: "priority",
    });
  });

  it("knows what was written from its lives alone, too", () => {
    const usage = { input_tokens: 1, output_tokens: 1, cache_creation: { ephemeral_1h_input_tokens: 50 } };
    expect(readUsage(usage)).toMatchObject({
      inputTokens: 51,
      cacheWriteTokens: 50,
      cacheWriteTokensByTtl: { "1h": 50 },
    });
  });

  it("leaves out lives of which nothing was written", () => {
    const creation = { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 };
    const usage = {
      input_tokens: 1,
      output_tokens: 1,
      cache_creation_input_tokens: 0,
      cache_creation: creation,
    };
    expect(readUsage(usage)).toEqual({ inputTokens: 1, outputTokens: 1, cacheWriteTokens: 0 });
  });

  it("sums iterations, lives included, in place of the counts beside them", () => {
    const iteration = {
      input_tokens: 10,
      output_tokens: 2,
      cache_creation_input_tokens: 5,
      cache_creation: { ephemeral_5m_input_tokens: 5, ephemeral_1h_input_tokens: 0 },
    };
    const usage = {
      input_tokens: 1,
      output_tokens: 1,
      iterations: [iteration, iteration],
      service_tier: "batch",
    };
    expect(readUsage(usage)).toEqual({
      inputTokens: 30,
      outputTokens: 4,
      cacheWriteTokens: 10,
      cacheWriteTokensByTtl: { "5m": 10 },
      serviceTier: "batch",
    });
  });
});
