import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { average, peakAverage } from "./ewma.ts";

const values = fc.double({ min: 0, max: 1e6, noNaN: true });
const keeps = fc.double({ min: 0, max: 1, noNaN: true });

describe("a moving average", () => {
  it("begins with its first sample", () => {
    expect(average(undefined, 7, 0.9)).toBe(7);
    expect(peakAverage(undefined, 7, 0.9, 3)).toBe(7);
  });

  it("keeps as much of the past as it is told", () => {
    expect(average(10, 20, 0.75)).toBe(12.5);
    expect(average(10, 20, 0)).toBe(20);
    expect(average(10, 20, 1)).toBe(10);
  });

  it("stays between what was and the sample", () => {
    fc.assert(
      fc.property(
        values,
        values,
        keeps,
        fc.double({ min: 1, max: 9, noNaN: true }),
        (was, sample, keep, margin) => {
          for (const next of [average(was, sample, keep), peakAverage(was, sample, keep, margin)]) {
            expect(next).toBeGreaterThanOrEqual(Math.min(was, sample) * (1 - 1e-12));
            expect(next).toBeLessThanOrEqual(Math.max(was, sample) * (1 + 1e-12));
          }
        },
      ),
    );
  });

  it("takes a peak at once, and comes down slowly", () => {
    expect(peakAverage(10, 20, 0.9)).toBe(20);
    expect(peakAverage(20, 10, 0.9)).toBe(19);
  });

  it("takes only what is beyond the margin at once", () => {
    expect(peakAverage(10, 90, 0.999, 3)).toBe(30);
    expect(peakAverage(10, 20, 0.9, 3)).toBe(11);
  });
});
