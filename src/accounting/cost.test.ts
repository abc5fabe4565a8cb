import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Usage } from "../llm/usage.ts";
import { costOf, picoCostOf } from "./cost.ts";
import { sumPicoUsd, toPicoUsd } from "./money.ts";
import { compilePrice, type Price, type PriceTerms } from "./price.ts";
import type { FullRates } from "./rates.ts";

const price = (rates: FullRates, more: Partial<PriceTerms> = {}): Price =>
  compilePrice({ rates, context: [], tiers: [], ...more });

/** A price list's number: up to six decimals, which is whole pico-USD per token. */
const listed = fc.integer({ min: 0, max: 100_000_000 }).map((micro) => micro / 1e6);
const tokens = fc.integer({ min: 0, max: 300_000 });

const usages: fc.Arbitrary<Usage> = fc
  .record({ plain: tokens, read: tokens, five: tokens, hour: tokens, other: tokens, output: tokens })
  .map(({ plain, read, five, hour, other, output }) => ({
    inputTokens: plain + read + five + hour + other,
    outputTokens: output,
    cachedInputTokens: read,
    cacheWriteTokens: five + hour + other,
    cacheWriteTokensByTtl: { "5m": five, "1h": hour },
  }));

describe("a cost", () => {
  it("is Kong's formula, in USD for prices per million", () => {
    const cost = (inputTokens: number, outputTokens: number, rates: FullRates) =>
      costOf({ inputTokens, outputTokens }, price(rates));
    expect(cost(1_000_000, 1_000_000, { input: 0.15, output: 0.6 })).toBe(0.75);
    expect(cost(10, 5, { input: 2.5, output: 10 })).toBe(0.000075);
  });

  it("is unknown without a price, and free only where the price is 0", () => {
    const usage = { inputTokens: 1, outputTokens: 1 };
    expect(costOf(usage, undefined)).toBeUndefined();
    expect(costOf(usage, price({ input: 0, output: 0 }))).toBe(0);
  });

  it("counts what was read from and written to the cache at its own price, and all else as input", () => {
    const usage = {
      inputTokens: 1000,
      outputTokens: 10,
      cachedInputTokens: 500,
      cacheWriteTokens: 300,
      cacheWriteTokensByTtl: { "5m": 100, "1h": 150 },
    };
    const rates = { input: 3, output: 15, cache_read: 0.3, cache_write: 3.75, cache_write_1h: 6 };
    const inMillionths = (200 * 3 + 500 * 0.3 + (100 + 50) * 3.75 + 150 * 6 + 10 * 15) / 1e6;
    expect(costOf(usage, price(rates))).toBeCloseTo(inMillionths, 15);
    expect(costOf(usage, price({ input: 3, output: 15 }))).toBeCloseTo((1000 * 3 + 150) / 1e6, 15);
  });

  it("is exactly the formula, in whole pico-USD, for prices of up to six decimals", () => {
    fc.assert(
      fc.property(usages, listed, listed, listed, listed, listed, (usage, ...five) => {
        const [input, output, cache_read, cache_write, cache_write_1h] = five;
        const rates = { input, output, cache_read, cache_write, cache_write_1h };
        const pico = (usdPerMillion: number) => BigInt(Math.round(usdPerMillion * 1e6));
        const { inputTokens, outputTokens, cachedInputTokens = 0, cacheWriteTokens = 0 } = usage;
        const hour = usage.cacheWriteTokensByTtl?.["1h"] ?? 0;
        const exact =
          BigInt(inputTokens - cachedInputTokens - cacheWriteTokens) * pico(input) +
          BigInt(cachedInputTokens) * pico(cache_read) +
          BigInt(cacheWriteTokens - hour) * pico(cache_write) +
          BigInt(hour) * pico(cache_write_1h) +
          BigInt(outputTokens) * pico(output);
        expect(BigInt(picoCostOf(usage, price(rates)))).toBe(exact);
      }),
    );
  });

  it("adds up: 10,000 exchanges cost what one with all their tokens would, to the last micro-dollar", () => {
    const third = price({ input: 1 / 3, output: 2 / 3 }); // no price list has this; it must not matter
    const exchange = { inputTokens: 1237, outputTokens: 411 };
    const settled = Array.from({ length: 10_000 }, () => toPicoUsd(costOf(exchange, third) ?? -1));
    const atOnce = (10_000 * (1237 / 3 + (411 * 2) / 3)) / 1e6;
    expect(Math.abs(Number(sumPicoUsd(settled)) / 1e12 - atOnce)).toBeLessThan(1e-8);
  });

  it("is never negative, whatever a vendor reports", () => {
    const wild: fc.Arbitrary<Usage> = fc.record({
      inputTokens: tokens,
      outputTokens: tokens,
      cachedInputTokens: tokens,
      cacheWriteTokens: tokens,
      cacheWriteTokensByTtl: fc.dictionary(fc.constantFrom("5m", "1h", "9d"), tokens),
      reasoningTokens: tokens,
      audioInputTokens: tokens,
      audioOutputTokens: tokens,
    });
    fc.assert(
      fc.property(wild, listed, listed, (usage, input, output) => {
        expect(picoCostOf(usage, price({ input, output }))).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it("has sound at its own price, once: what is cached is counted as that", () => {
    const rates = { input: 1, output: 2, cache_read: 0.5, audio_input: 10, audio_output: 20 };
    const usage = {
      inputTokens: 100,
      outputTokens: 30,
      cachedInputTokens: 60,
      audioInputTokens: 50,
      audioOutputTokens: 10,
    };
    expect(picoCostOf(usage, price(rates))).toBe((60 * 0.5 + 40 * 10 + 20 * 2 + 10 * 20) * 1e6);
  });

  it("has all of the output at the price of reasoning, where the model reasoned and that is priced apart", () => {
    const reasoned = { inputTokens: 0, outputTokens: 30, reasoningTokens: 10 };
    expect(picoCostOf(reasoned, price({ input: 1, output: 2, reasoning: 4 }))).toBe(120e6);
    expect(picoCostOf(reasoned, price({ input: 1, output: 2 }))).toBe(60e6);
    expect(
      picoCostOf({ ...reasoned, reasoningTokens: 0 }, price({ input: 1, output: 2, reasoning: 4 })),
    ).toBe(60e6);
  });
});
