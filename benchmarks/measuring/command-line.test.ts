import { describe, expect, it } from "vitest";
import { readRoundOptions } from "./command-line.ts";

describe("readRoundOptions", () => {
  it("takes what is given, and has defaults for the rest", () => {
    expect(readRoundOptions([])).toEqual({ rounds: 5, forMs: 200, out: undefined });
    expect(readRoundOptions(["--rounds", "2", "--ms", "50", "--out", "a.md"])).toEqual({
      rounds: 2,
      forMs: 50,
      out: "a.md",
    });
  });

  it("says which option is wrong, and what there is", () => {
    for (const text of ["0", "-1", "1.5", "many", ""])
      expect(() => readRoundOptions([`--rounds=${text}`])).toThrow(/--rounds takes a whole number.*--ms N/s);
    expect(() => readRoundOptions(["--seconds", "3"])).toThrow("--seconds");
  });
});
