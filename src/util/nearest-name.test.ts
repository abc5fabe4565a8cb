import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { editDistance, nearestName } from "./nearest-name.ts";

describe("nearestName", () => {
  it("finds a name with a letter missing, doubled, swapped or in the wrong case", () => {
    const fields = ["threshold", "strategy", "dimensions", "weight"];
    expect(nearestName("treshold", fields)).toBe("threshold");
    expect(nearestName("threshhold", fields)).toBe("threshold");
    expect(nearestName("wieght", fields)).toBe("weight");
    expect(nearestName("Weight", fields)).toBe("weight");
  });

  it("finds nothing where nothing is near", () => {
    expect(nearestName("colour", ["threshold", "strategy"])).toBeUndefined();
    expect(nearestName("id", ["ip"])).toBeUndefined();
    expect(nearestName("anything", [])).toBeUndefined();
  });

  it("takes the nearest of several, the first of equals", () => {
    expect(nearestName("read_timeout", ["send_timeout", "read_timeouts"])).toBe("read_timeouts");
    expect(nearestName("abcx", ["abca", "abcb"])).toBe("abca");
  });

  it("always finds a name that is there", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1 }), (names) => {
        const [name] = names;
        expect(nearestName(name ?? "", names)?.toLowerCase()).toBe(name?.toLowerCase());
      }),
    );
  });
});

describe("editDistance", () => {
  it("counts a swap of neighbours as one edit", () => {
    expect(editDistance("ab", "ba")).toBe(1);
    expect(editDistance("", "abc")).toBe(3);
    expect(editDistance("kitten", "sitting")).toBe(3);
  });

  it("is symmetric, zero only for equals, and bounded by the longer text", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (left, right) => {
        const distance = editDistance(left, right);
        expect(distance).toBe(editDistance(right, left));
        expect(distance === 0).toBe(left === right);
        expect(distance).toBeLessThanOrEqual(Math.max(left.length, right.length));
      }),
    );
  });
});
