import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { leftAfter, leftAfterHalving } from "./decay.ts";

describe("what is left after a while", () => {
  it("is a half after each half-life, and 1/e after each time constant", () => {
    expect([0, 10, 20].map((elapsed) => leftAfterHalving(elapsed, 10))).toEqual([1, 0.5, 0.25]);
    expect([0, 10, 20].map((elapsed) => leftAfter(elapsed, 10))).toEqual([1, Math.exp(-1), Math.exp(-2)]);
  });

  it("is the same in one step as in two, and between none and all", () => {
    const times = fc.double({ min: 0, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(times, times, fc.double({ min: 1, max: 1e6, noNaN: true }), (first, second, constant) => {
        for (const left of [leftAfter, leftAfterHalving]) {
          const whole = left(first + second, constant);
          expect(left(first, constant) * left(second, constant)).toBeCloseTo(whole, 10);
          expect(whole).toBeGreaterThanOrEqual(0);
          expect(whole).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  it("is all when the clock steps back, and nothing after ages", () => {
    expect(leftAfter(-5, 10)).toBe(1);
    expect(leftAfterHalving(-5, 10)).toBe(1);
    expect(leftAfter(1e9, 10)).toBe(0);
    expect(leftAfterHalving(1e9, 10)).toBe(0);
  });
});
