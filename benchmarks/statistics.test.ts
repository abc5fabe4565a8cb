import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { percentile, Samples, spreadOf } from "./statistics.ts";

describe("spreadOf", () => {
  it("takes the middle one of an odd number and the mean of the middle two of an even number", () => {
    expect(spreadOf([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
    expect(spreadOf([4, 1, 2, 10])).toEqual({ median: 3, min: 1, max: 10 });
    expect(spreadOf([])).toBeUndefined();
  });
});

describe("percentile", () => {
  it("is the smallest value that so large a share does not exceed", () => {
    const values = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), {
      minLength: 1,
      maxLength: 300,
    });
    fc.assert(
      fc.property(values, fc.double({ min: 0.001, max: 1, noNaN: true }), (numbers, share) => {
        const ascending = Float64Array.from(numbers).sort();
        const found = percentile(ascending, share);
        const atMost = (limit: number) =>
          ascending.filter((value) => value <= limit).length / ascending.length;
        expect(atMost(found)).toBeGreaterThanOrEqual(share);
        for (const smaller of ascending.filter((value) => value < found))
          expect(atMost(smaller)).toBeLessThan(share);
      }),
    );
  });

  it("is not a number where there is nothing to rank", () => {
    expect(percentile([], 0.5)).toBeNaN();
  });
});

describe("Samples", () => {
  it("keeps more numbers than it first has room for, and forgets them when told", () => {
    const samples = new Samples();
    for (let value = 10_000; value > 0; value--) samples.add(value);
    const sorted = samples.sorted();
    expect([sorted.length, sorted[0], sorted[9_999]]).toEqual([10_000, 1, 10_000]);
    samples.clear();
    expect(samples.sorted()).toHaveLength(0);
  });
});
