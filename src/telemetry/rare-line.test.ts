import { expect, it } from "vitest";
import { createRareLine } from "./rare-line.ts";

it("writes the first line at once, and later ones once in a while with how many they are", () => {
  let now = 0;
  const lines: unknown[] = [];
  const tell = createRareLine(
    (message, facts) => lines.push([message, facts]),
    () => now,
  );
  for (const at of [0, 1, 9_999, 10_000, 15_000, 30_000]) {
    now = at;
    tell("m", { at });
  }
  expect(lines).toEqual([
    ["m", { at: 0, count: 1 }],
    ["m", { at: 10_000, count: 3 }],
    ["m", { at: 30_000, count: 2 }],
  ]);
});
