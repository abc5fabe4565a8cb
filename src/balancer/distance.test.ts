import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { distanceOf } from "./distance.ts";

const similarity = fc.double({ min: -1, max: 1, noNaN: true });

describe("distanceOf", () => {
  it("is 1 − s for cosine, and d/(1+d) for euclidean", () => {
    expect(distanceOf(1, "cosine")).toBe(0);
    expect(distanceOf(0.3, "cosine")).toBeCloseTo(0.7, 12);
    expect(distanceOf(-1, "cosine")).toBe(2);
    expect(distanceOf(1, "euclidean")).toBe(0);
    expect(distanceOf(0, "euclidean")).toBeCloseTo(Math.SQRT2 / (1 + Math.SQRT2), 12);
    expect(distanceOf(-1, "euclidean")).toBeCloseTo(2 / 3, 12);
  });

  it("orders alike by both metrics, larger being farther", () => {
    fc.assert(
      fc.property(similarity, similarity, (a, b) => {
        fc.pre(a - b > 1e-9); // nearer together than that, rounding decides
        for (const metric of ["cosine", "euclidean"] as const) {
          expect(distanceOf(a, metric)).toBeLessThanOrEqual(distanceOf(b, metric));
        }
      }),
    );
  });
});
