import { expect, it } from "vitest";
import { firstFew } from "./first-few.ts";

const names = Array.from({ length: 12 }, (_, at) => `n${at + 1}`);

it.each([
  [0, ""],
  [1, "n1"],
  [10, "n1, n2, n3, n4, n5, n6, n7, n8, n9, n10"],
  [11, "n1, n2, n3, n4, n5, n6, n7, n8, n9, n10 and 1 more"],
  [12, "n1, n2, n3, n4, n5, n6, n7, n8, n9, n10 and 2 more"],
])("of %i names shows ten at most", (count, shown) => {
  expect(firstFew(names.slice(0, count))).toBe(shown);
});
