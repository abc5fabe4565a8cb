import { describe, expect, it } from "vitest";
import { createMarkRecord, ManualMark } from "./manual-mark.ts";

const newMark = () => new ManualMark(createMarkRecord());

/** Clocks say nothing of marks, however far they are apart. */
const heardFrom = (mark: ManualMark, clockOffsetMs = 0) => ({
  row: mark.tell(),
  clockOffsetMs,
  isAlive: true,
});

describe("what is said of a target by hand", () => {
  it("is heard by those that were not told, and once", () => {
    const [told, other] = [newMark(), newMark()];
    told.set(true);
    expect(other.hear([heardFrom(told)])).toBe(true);
    expect([other.isOut, other.tell()]).toEqual([true, told.tell()]);
    expect(other.hear([heardFrom(told)])).toBe(false);
  });

  it("holds until something later is said, whoever says it", () => {
    const [first, second, late] = [newMark(), newMark(), newMark()];
    first.set(true);
    expect(second.hear([heardFrom(first)])).toBe(true);
    second.set(false);
    expect(second.hear([heardFrom(first)])).toBe(false);
    expect(late.hear([heardFrom(first), heardFrom(second)])).toBe(false);
    expect(first.hear([heardFrom(second)])).toBe(true);
    expect([first.isOut, second.isOut, late.isOut]).toEqual([false, false, false]);
  });

  it("does not get younger on a long way", () => {
    const [one, other] = [newMark(), newMark()];
    for (const each of [one, other]) each.set(true);
    const earlier = heardFrom(one, 10_000);
    for (const each of [one, other]) each.set(false);
    expect(other.hear([earlier])).toBe(false);
    other.hear([heardFrom(one)]);
    expect(other.isOut).toBe(false);
  });

  it("of two things at the same time comes to out, everywhere", () => {
    const [one, other] = [newMark(), newMark()];
    one.set(false);
    other.set(true);
    const told = [heardFrom(one), heardFrom(other)];
    expect([one.hear(told), other.hear(told)]).toEqual([true, false]);
    expect([one.isOut, other.isOut]).toEqual([true, true]);
  });

  it("is said later than all that was heard, also where that was the same", () => {
    const [told, other, third] = [newMark(), newMark(), newMark()];
    for (const isOut of [true, false, true]) told.set(isOut);
    other.set(true);
    expect(other.hear([heardFrom(told)])).toBe(false);
    other.set(false);
    third.hear([heardFrom(told), heardFrom(other)]);
    expect(third.isOut).toBe(false);
  });

  it("of nobody changes nothing, nor do rows without it", () => {
    const mark = newMark();
    expect(mark.hear([])).toBe(false);
    expect(mark.hear([{ row: [], clockOffsetMs: 50, isAlive: true }, heardFrom(newMark(), 50)])).toBe(false);
    expect(mark.isOut).toBe(false);
  });
});
