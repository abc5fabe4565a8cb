import fc from "fast-check";
import { expect, test } from "vitest";
import { similarityScale } from "./similarity-scale.ts";

const map = similarityScale({ threshold: 0.3, examples: [0, 5, 20], atThreshold: [0.25, 0.35, 0.4] });
const cosine = fc.double({ min: -1, max: 1, noNaN: true });

test("the map keeps the order of cosines, for any number of examples", () => {
  fc.assert(
    fc.property(cosine, cosine, fc.nat({ max: 100 }), (a, b, examples) => {
      const [low, high] = a < b ? [a, b] : [b, a];
      expect(map(low, examples)).toBeLessThanOrEqual(map(high, examples) + 1e-12);
    }),
  );
});

test("the map keeps the ends and puts the knee on the threshold", () => {
  expect(map(-1, 3)).toBeCloseTo(-1);
  expect(map(1, 3)).toBeCloseTo(1);
  expect(map(0.25, 0)).toBeCloseTo(0.3);
  expect(map(0.35, 5)).toBeCloseTo(0.3);
  expect(map(0.4, 500)).toBeCloseTo(0.3);
});

test("the knee is interpolated between listed numbers of examples", () => {
  expect(map(0.375, 12.5)).toBeCloseTo(0.3);
});
