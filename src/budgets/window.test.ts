import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { changed, emptyTally, rolled, roomInMs, sumOf, usedAt, windowAt, windowEndsInMs } from "./window.ts";

const fixed = { sizeMs: 1000, isSliding: false };
const sliding = { sizeMs: 1000, isSliding: true };
const tally = (window: number, current: number, previous = 0) => ({ window, current, previous });

describe("a window", () => {
  it("has a number, and ends on the next multiple of its size", () => {
    expect(windowAt(fixed, 3_999)).toBe(3);
    expect(windowEndsInMs(fixed, 3_999)).toBe(1);
    expect(windowEndsInMs(fixed, 4_000)).toBe(1000);
  });

  it("becomes the one before, then nothing; a clock that is set back changes nothing", () => {
    expect(rolled(tally(3, 5, 7), 4)).toEqual(tally(4, 0, 5));
    expect(rolled(tally(3, 5, 7), 5)).toEqual(tally(5, 0, 0));
    expect(rolled(tally(3, 5, 7), 2)).toEqual(tally(3, 5, 7));
  });

  it("takes a late correction where its reservation was counted, as long as that counts", () => {
    expect(changed(tally(4, 1, 10), 3, -4)).toEqual(tally(4, 1, 6));
    expect(changed(tally(4, 1, 10), 4, 2)).toEqual(tally(4, 3, 10));
    expect(changed(tally(4, 1, 10), 2, -9)).toEqual(tally(4, 1, 10));
    expect(changed(tally(4, 1, 10), 5, 2)).toEqual(tally(5, 2, 1));
    expect(changed(tally(4, 1, 10), 4, -5).current).toBe(0);
  });

  it("fixed counts itself alone, sliding the one before as far as it overlaps", () => {
    expect(usedAt(fixed, tally(1, 3, 100), 1_250)).toBe(3);
    expect(usedAt(sliding, tally(1, 3, 100), 1_250)).toBe(3 + 75);
    expect(usedAt(sliding, tally(1, 3, 100), 1_999)).toBe(3);
  });

  it("adds up what several count, each seen from the same window", () => {
    expect(sumOf([tally(3, 5), tally(4, 2, 1), tally(1, 9), emptyTally], 4)).toEqual(tally(4, 2, 6));
  });
});

const shape = fc.record({ sizeMs: fc.integer({ min: 10, max: 100_000 }), isSliding: fc.boolean() });
const count = fc.integer({ min: 0, max: 10_000 });

describe("the wait for room", () => {
  it("is as long as it has to be: then there is room, and shortly before there is none", () => {
    fc.assert(
      fc.property(
        shape,
        count,
        count,
        fc.integer({ min: 1, max: 5_000 }),
        fc.nat(1_000_000),
        (of, current, previous, limit, at) => {
          const counted = { window: windowAt(of, at), current, previous };
          const wait = roomInMs(of, counted, limit, at);
          const used = (ms: number) =>
            usedAt(of, rolled(counted, windowAt(of, Math.floor(at + ms))), Math.floor(at + ms));
          if (wait === 0) expect(used(0)).toBeLessThan(limit);
          else {
            expect(used(0)).toBeGreaterThanOrEqual(limit);
            // One more for the rounding of counts and times.
            expect(used(wait + 2)).toBeLessThanOrEqual(limit);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
