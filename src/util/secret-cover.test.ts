import { describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { coverOf, findCover, isCover } from "./secret-cover.ts";

const cover = coverOf("0123456789abcdef");

describe("a cover", () => {
  it("is nothing but itself", () => {
    expect([cover, `${cover} `, "****** (sluice:none)"].map(isCover)).toEqual([true, false, false]);
  });

  it("is found in a file, also where YAML has broken its line", () => {
    expect(findCover(`a: "${cover}"\nb: 1`)).toBe(4);
    expect(findCover("a: ****** (sluice:none)")).toBe(-1);
    for (const width of [20, 40]) {
      const text = stringify({ list: [{ headers: { authorization: cover } }] }, { lineWidth: width });
      expect(parse(text).list[0].headers.authorization).toBe(cover);
      expect(findCover(text), text).toBeGreaterThan(0);
    }
    expect(stringify({ list: [{ headers: { authorization: cover } }] }, { lineWidth: 20 })).not.toContain(
      cover,
    );
  });
});
