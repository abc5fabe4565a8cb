import { describe, expect, it } from "vitest";
import { type Clocks, foreignShare } from "./neighbours.ts";

const at = (own: number, busy: number, stolen: number, total: number): Clocks => ({
  own,
  machine: { busy, stolen, total },
});

describe("foreignShare", () => {
  it("is what was busy or stolen and not ours, of all there was", () => {
    expect(foreignShare(at(100, 1000, 10, 5000), at(300, 1500, 60, 7000))).toBe((500 + 50 - 200) / 2000);
  });

  it("is never below nothing: clocks of processes and of the machine tick apart", () => {
    expect(foreignShare(at(0, 0, 0, 0), at(510, 500, 0, 1000))).toBe(0);
  });

  it("is unknown where one of the clocks is", () => {
    expect(foreignShare({ own: 0, machine: undefined }, at(1, 1, 1, 1))).toBeUndefined();
    expect(foreignShare(at(0, 0, 0, 0), { ...at(1, 1, 1, 1), own: undefined })).toBeUndefined();
  });
});
