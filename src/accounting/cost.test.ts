import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { costOf } from "./cost.ts";

describe("costOf", () => {
  it("is Kong's formula, in USD for prices per million", () => {
    expect(
      costOf({ inputTokens: 1_000_000, outputTokens: 1_000_000 }, { inputCost: 0.15, outputCost: 0.6 }),
    ).toBeCloseTo(0.75, 12);
    expect(costOf({ inputTokens: 10, outputTokens: 5 }, { inputCost: 2.5, outputCost: 10 })).toBeCloseTo(
      0.000075,
      12,
    );
  });

  it("is unknown unless both prices are known, and free only where both are 0", () => {
    const usage = { inputTokens: 1, outputTokens: 1 };
    expect(costOf(usage, { inputCost: 1, outputCost: undefined })).toBeUndefined();
    expect(costOf(usage, { inputCost: undefined, outputCost: 1 })).toBeUndefined();
    expect(costOf(usage, { inputCost: undefined, outputCost: undefined })).toBeUndefined();
    expect(costOf(usage, { inputCost: 0, outputCost: 0 })).toBe(0);
  });

  it("adds up: two exchanges cost what one with all their tokens would", () => {
    const tokens = fc.integer({ min: 0, max: 1_000_000 });
    const price = fc.double({ min: 0, max: 100, noNaN: true });
    fc.assert(
      fc.property(tokens, tokens, tokens, tokens, price, price, (a, b, c, d, inputCost, outputCost) => {
        const cost = (inputTokens: number, outputTokens: number) =>
          costOf({ inputTokens, outputTokens }, { inputCost, outputCost }) ?? -1;
        expect(cost(a, b) + cost(c, d)).toBeCloseTo(cost(a + c, b + d), 6);
      }),
    );
  });
});
