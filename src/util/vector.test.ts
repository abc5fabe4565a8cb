import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cosineDistance, dot, dotAt, euclideanDistance, normalise } from "./vector.ts";

const component = fc.float({ min: -100, max: 100, noNaN: true });
const pair = fc
  .integer({ min: 0, max: 70 })
  .chain((length) =>
    fc.tuple(
      fc.array(component, { minLength: length, maxLength: length }),
      fc.array(component, { minLength: length, maxLength: length }),
    ),
  )
  .map(([a, b]) => [Float32Array.from(a), Float32Array.from(b)] as const);

function naiveDot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? Number.NaN), 0);
}

describe("vector arithmetic", () => {
  it("computes the inner product like the naive sum, for every length", () => {
    fc.assert(
      fc.property(pair, ([a, b]) => {
        expect(dot(a, b)).toBeCloseTo(naiveDot(a, b), 6);
      }),
    );
  });

  it("reads a row out of a flat table", () => {
    fc.assert(
      fc.property(pair, fc.array(component, { maxLength: 9 }), ([a, b], before) => {
        const flat = Float32Array.from([...before, ...a, 7, 7]);
        expect(dotAt(flat, before.length, b)).toBe(dot(a, b));
      }),
    );
  });

  it("normalises to length one and keeps the direction", () => {
    fc.assert(
      fc.property(pair, ([a]) => {
        fc.pre(naiveDot(a, a) > 0);
        const unit = normalise(a);
        expect(Math.sqrt(dot(unit, unit))).toBeCloseTo(1, 5);
        expect(dot(unit, a)).toBeGreaterThan(0);
      }),
    );
  });

  it("normalises very large and very small vectors without overflow", () => {
    for (const scale of [3e38, 1e-40]) {
      const unit = normalise(Float32Array.from([scale, 0, 0]));
      expect(unit[0]).toBeCloseTo(1, 5);
    }
  });

  it("leaves a zero vector zero and the argument untouched", () => {
    expect([...normalise(new Float32Array(3))]).toEqual([0, 0, 0]);
    const argument = Float32Array.from([3, 4]);
    normalise(argument);
    expect([...argument]).toEqual([3, 4]);
  });
});

describe("distances", () => {
  it("gives 0, 1 and 2 for the same, an orthogonal and the opposite direction by cosine", () => {
    expect([1, 0, -1].map(cosineDistance)).toEqual([0, 1, 2]);
  });

  it("gives d/(1+d) of the L2 distance for any two unit vectors", () => {
    fc.assert(
      fc.property(pair, ([rawA, rawB]) => {
        fc.pre(naiveDot(rawA, rawA) > 0 && naiveDot(rawB, rawB) > 0);
        const [a, b] = [normalise(rawA), normalise(rawB)];
        const l2 = Math.hypot(...a.map((value, i) => value - (b[i] ?? Number.NaN)));
        // The root amplifies the rounding of float32 near zero: 1e-7 in the cosine is 5e-4 in the distance.
        expect(euclideanDistance(dot(a, b))).toBeCloseTo(l2 / (1 + l2), 2);
      }),
    );
    expect(euclideanDistance(0)).toBeCloseTo(Math.SQRT2 / (1 + Math.SQRT2), 12);
    expect(euclideanDistance(-1)).toBeCloseTo(2 / 3, 12);
  });

  it("stays in range when rounding carries a cosine past one", () => {
    expect(cosineDistance(1.0000001)).toBe(0);
    expect(euclideanDistance(1.0000001)).toBe(0);
    expect(euclideanDistance(-1.0000001)).toBeCloseTo(2 / 3, 12);
  });
});
