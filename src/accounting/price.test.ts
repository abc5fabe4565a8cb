import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compilePrice, type PriceTerms, ratesFor } from "./price.ts";

const terms = (more: Partial<PriceTerms> = {}): PriceTerms => ({
  rates: { input: 2, output: 10, cache_read: 0.5 },
  context: [],
  tiers: [],
  ...more,
});
const used = (inputTokens: number, serviceTier?: string) => ({
  inputTokens,
  outputTokens: 0,
  ...(serviceTier !== undefined && { serviceTier }),
});
const step = (above: number, input: number, output: number) => ({ above, change: { input, output } });

describe("a compiled price", () => {
  it("takes the highest step that the input is above, in whatever order they stand", () => {
    const price = compilePrice(terms({ context: [step(100, 2, 3), step(1000, 4, 5), step(500, 3, 4)] }));
    const inputAt = (tokens: number) => ratesFor(price, used(tokens)).input / 1e6;
    expect([0, 100, 101, 500, 501, 1000, 1001, 1e9].map(inputAt)).toEqual([2, 2, 4, 4, 6, 6, 8, 8]);
    expect(ratesFor(price, used(101))).toMatchObject({ cacheRead: 1e6, cacheWrite: 4e6, output: 30e6 });
  });

  it("agrees with a search through all steps", () => {
    const steps = fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 6 });
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 60 }), (aboves, tokens) => {
        const context = [...new Set(aboves)].map((above) => step(above, above + 2, 1));
        const highest = Math.max(-1, ...context.map(({ above }) => above).filter((above) => above < tokens));
        const expected = highest === -1 ? 2 : 2 * (highest + 2);
        expect(ratesFor(compilePrice(terms({ context })), used(tokens)).input).toBe(expected * 1e6);
      }),
    );
  });

  it("takes the tier with the longest word in the vendor's, letter case ignored, and none without one", () => {
    const tiers = [
      { word: "Flex", change: { input: 0.5, output: 0.5 } },
      { word: "flex-plus", change: { input: 3, output: 3 } },
      { word: "PRIO", change: { input: 2, output: 2 } },
    ];
    const price = compilePrice(terms({ tiers }));
    const inputOf = (tier?: string) => ratesFor(price, used(1, tier)).input / 1e6;
    expect(inputOf("flex")).toBe(1);
    expect(inputOf("FLEX-PLUS-2")).toBe(6);
    expect(inputOf("priority")).toBe(4);
    expect(inputOf("default")).toBe(2);
    expect(inputOf()).toBe(2);
  });

  it("multiplies tier by context, unless the tier has steps of its own", () => {
    const tiers = [
      { word: "flex", change: { input: 0.5, output: 0.5 } },
      { word: "own", change: { input: 3, output: 3 }, context: [step(10, 10, 10)] },
    ];
    const price = compilePrice(terms({ context: [step(100, 2, 1)], tiers }));
    expect(ratesFor(price, used(101, "flex"))).toMatchObject({ input: 2e6, output: 5e6, cacheRead: 0.5e6 });
    expect(ratesFor(price, used(101, "own")).input).toBe(60e6);
  });

  it("has the price of the input where none is known for the cache, lives told apart", () => {
    const price = compilePrice(terms({ rates: { input: 2, output: 10, cache_write: 3, cache_write_1h: 4 } }));
    expect(ratesFor(price, used(1))).toMatchObject({
      cacheRead: 2e6,
      cacheWrite: 3e6,
      cacheWriteByTtl: { "1h": 4e6 },
    });
  });

  it("is frozen, and has no noise of doubles: 3 × 1.1 is 3.3", () => {
    const price = compilePrice({
      rates: { input: 3, output: 3 },
      context: [],
      tiers: [{ word: "eu", change: { input: 1.1, output: 1.1 } }],
    });
    expect(ratesFor(price, used(1, "eu")).input).toBe(3_300_000);
    expect(Object.isFrozen(price) && Object.isFrozen(price.standard[0]?.perToken)).toBe(true);
  });
});
