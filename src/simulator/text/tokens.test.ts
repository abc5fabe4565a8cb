import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countTokens, groupTokens, splitTokens } from "./tokens.ts";

describe("splitTokens", () => {
  it("loses and changes nothing", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary", maxLength: 200 }),
        (text) => splitTokens(text).join("") === text,
      ),
    );
  });

  it("never splits a character outside the basic plane", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 60 }), (text) =>
        splitTokens(text).every((piece) => !/^[\uDC00-\uDFFF]|[\uD800-\uDBFF]$/.test(piece)),
      ),
    );
  });

  it("counts like o200k_base, give or take a few per cent", () => {
    // The references are o200k_base's own counts.
    const short = "How do I write a Python function? Thanks a lot";
    const long =
      "How do I configure two-factor authentication on Windows 10 for our company network? Write a short poem about the beauty of autumn, and then tell me why leaves are red.";
    const code =
      "def fibonacci(n):\n    a, b = 0, 1\n    for _ in range(n):\n        a, b = b, a + b\n    return a\n";
    for (const [text, reference] of [
      [short, 11],
      [long, 35],
      [code, 37],
    ] as const) {
      expect(Math.abs(countTokens(text) - reference)).toBeLessThanOrEqual(3);
    }
    expect(countTokens("")).toBe(0);
  });

  it("stays linear on a megabyte of white space", () => {
    expect(splitTokens(" ".repeat(1_000_000)).join("").length).toBe(1_000_000);
  });
});

describe("groupTokens", () => {
  it("keeps all pieces in order, at most three in a group", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 4 })), (pieces) => {
        const groups = [...groupTokens(pieces)];
        expect(groups.map(({ text }) => text).join("")).toBe(pieces.join(""));
        expect(groups.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(pieces.length);
        expect(groups.every(({ tokens }) => tokens >= 1 && tokens <= 3)).toBe(true);
      }),
    );
  });
});
