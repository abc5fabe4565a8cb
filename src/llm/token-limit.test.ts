import { describe, expect, it } from "vitest";
import { parseTokenLimit } from "./token-limit.ts";

describe("parseTokenLimit", () => {
  it.each([
    ["200000", 200_000],
    ["200k", 200_000],
    ["128K", 128_000],
    [" 0 ", 0],
  ])("reads %j as %d", (text, tokens) => {
    expect(parseTokenLimit(text)).toBe(tokens);
  });

  it.each(["", "k", "200 k", "2e5", "-1", "1.5k", "0x10", "200m", "12345678901", "two"])(
    "refuses %j",
    (text) => {
      expect(parseTokenLimit(text)).toBeUndefined();
    },
  );
});
