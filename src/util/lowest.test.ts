import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lowest } from "./lowest.ts";

describe("the lowest of a list", () => {
  it("is all of those and only those that no other undercuts, in their order", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5 })), (scores) => {
        const items = scores.map((score, index) => ({ score, index }));
        const least = Math.min(...scores);
        expect(lowest(items, ({ score }) => score)).toEqual(items.filter(({ score }) => score === least));
      }),
    );
  });

  it("takes infinite scores like any other", () => {
    const score = (name: string) => (name === "first" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY);
    expect(lowest(["last", "first"], score)).toEqual(["first"]);
    expect(lowest(["a", "b"], score)).toEqual(["a", "b"]);
  });
});
