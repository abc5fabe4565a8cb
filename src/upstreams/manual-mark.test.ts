import { describe, expect, it } from "vitest";
import { createMarkRecord, ManualMark } from "./manual-mark.ts";

/** Of a process whose clock says `at`. */
function markOf(at: { now: number }) {
  return new ManualMark(createMarkRecord(), () => at.now);
}

const heardFrom = (mark: ManualMark, clockOffsetMs = 0) => ({
  row: mark.tell(),
  clockOffsetMs,
  isAlive: true,
});

describe("what is said of a target by hand", () => {
  it("is heard by those that were not told, each by its own clock", () => {
    const [told, other] = [markOf({ now: 5 }), markOf({ now: 900 })];
    told.set(true);
    expect(other.hear([heardFrom(told, 800)])).toBe(true);
    expect([other.isOut, other.tell()]).toEqual([true, [805, 1]]);
    expect(other.hear([heardFrom(told, 800)])).toBe(false);
  });

  it("holds until something later is said, whoever says it and in whatever order it arrives", () => {
    const clock = { now: 10 };
    const [first, second, late] = [markOf(clock), markOf(clock), markOf(clock)];
    first.set(true);
    clock.now = 20;
    second.set(false);
    expect(second.hear([heardFrom(first)])).toBe(false);
    expect(first.hear([heardFrom(second)])).toBe(true);
    expect([first.isOut, second.isOut]).toEqual([false, false]);
    first.set(true);
    clock.now = 30;
    second.set(false);
    expect(late.hear([heardFrom(first), heardFrom(second)])).toBe(false);
    expect(late.isOut).toBe(false);
  });

  it("does not get younger by being said again of others", () => {
    const [told, other] = [markOf({ now: 5 }), markOf({ now: 5 })];
    told.set(true);
    other.set(true);
    told.hear([heardFrom(other, 3)]);
    expect(told.tell()).toEqual([5, 1]);
  });

  it("of nobody changes nothing, nor do rows without it", () => {
    const mark = markOf({ now: 1 });
    expect(mark.hear([])).toBe(false);
    expect(
      mark.hear([{ row: [], clockOffsetMs: 50, isAlive: true }, heardFrom(markOf({ now: 9 }), 50)]),
    ).toBe(false);
    expect(mark.isOut).toBe(false);
  });
});
