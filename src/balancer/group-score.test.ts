import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { descriptionParts, prepareGroup, scoreGroup } from "./group-score.ts";

const unit = fc
  .array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 4, maxLength: 4 })
  .filter((values) => Math.hypot(...values) > 0.01)
  .map((values) => Float32Array.from(values, (value) => value / Math.hypot(...values)));

const cosine = (a: Float32Array, b: Float32Array) =>
  a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);

describe("group score", () => {
  test("is the cosine to the description when there are no examples", () => {
    fc.assert(
      fc.property(unit, unit, (prompt, description) => {
        expect(scoreGroup(prompt, prepareGroup(description, []))).toBeCloseTo(cosine(prompt, description), 5);
      }),
    );
  });

  test("stays within −1…1", () => {
    fc.assert(
      fc.property(
        unit,
        unit,
        fc.array(unit, { minLength: 1, maxLength: 6 }),
        (prompt, description, examples) => {
          const score = scoreGroup(prompt, prepareGroup(description, examples));
          expect(Math.abs(score)).toBeLessThanOrEqual(1.00001);
        },
      ),
    );
  });

  test("does not depend on the order of the examples", () => {
    fc.assert(
      fc.property(
        unit,
        unit,
        fc.array(unit, { minLength: 2, maxLength: 6 }),
        (prompt, description, examples) => {
          const reversed = scoreGroup(prompt, prepareGroup(description, [...examples].reverse()));
          expect(reversed).toBeCloseTo(scoreGroup(prompt, prepareGroup(description, examples)), 5);
        },
      ),
    );
  });

  test("gives a prompt that is one of the examples half from it and half from the centroid, where the description counts four times", () => {
    const description = Float32Array.of(1, 0);
    const example = Float32Array.of(0, 1);
    expect(scoreGroup(example, prepareGroup(description, [example]))).toBeCloseTo(
      0.5 + 0.5 / Math.hypot(4, 1),
      5,
    );
  });

  test("scores an empty prompt's zero vector as 0", () => {
    expect(
      scoreGroup(new Float32Array(2), prepareGroup(Float32Array.of(1, 0), [Float32Array.of(0, 1)])),
    ).toBe(0);
  });

  test("refuses vectors of different embedders", () => {
    expect(() => prepareGroup(Float32Array.of(1, 0), [Float32Array.of(1)])).toThrow("dimensions");
    expect(() => scoreGroup(Float32Array.of(1), prepareGroup(Float32Array.of(1, 0), []))).toThrow(
      "dimensions",
    );
  });
});

describe("the parts of a description", () => {
  test("are the subjects it lists", () => {
    expect(descriptionParts("Cars and commuting: tires, fuel; traffic.")).toEqual([
      "Cars",
      "commuting",
      "tires",
      "fuel",
      "traffic",
    ]);
  });

  test("are none when it has one subject", () => {
    for (const one of ["Specialist in python", "Expert in Python programming.", "Sandy organisations", ""]) {
      expect(descriptionParts(one)).toEqual([]);
    }
  });

  test("are bounded", () => {
    expect(descriptionParts("abc, ".repeat(1000)).length).toBeLessThanOrEqual(24);
  });
});
