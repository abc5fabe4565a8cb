import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Expectation } from "./expectation.ts";

describe("the expectation of an answer's length", () => {
  it("is the ceiling before anything is learned, or a first guess", () => {
    expect(new Expectation().of(826)).toBe(826);
    expect(new Expectation().of(undefined)).toBe(256);
  });

  it("becomes what answers have been, and stays below the ceiling", () => {
    const expectation = new Expectation();
    for (let at = 0; at < 50; at++) expectation.observe(40, 800);
    expect(expectation.of(800)).toBe(40);
    expect(expectation.of(undefined)).toBe(40);
    expect(expectation.of(10)).toBe(10);
  });

  it("does not take long answers for short ones after many short ones", () => {
    const expectation = new Expectation();
    for (let at = 0; at < 50; at++) expectation.observe(1, 1);
    expect(expectation.of(1_000)).toBe(1_000);
  });

  it("is above most answers, however they spread", () => {
    fc.assert(
      fc.property(fc.nat(1e9), fc.integer({ min: 1, max: 400 }), fc.nat(400), (seed, base, spread) => {
        const expectation = new Expectation();
        const random = seeded(seed);
        let above = 0;
        for (let at = 0; at < 500; at++) {
          const length = base + Math.floor(random() * (spread + 1));
          if (length > expectation.of(undefined)) above++;
          expectation.observe(length, undefined);
        }
        expect(above / 500).toBeLessThan(0.5);
      }),
    );
  });
});

/** Even numbers in [0, 1): a linear congruential generator (Numerical Recipes, 7.1). */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
