import { describe, expect, it } from "vitest";
import { createRestarts, windowMs } from "./restarts.ts";

function deathsAt(...times: readonly number[]): readonly (number | undefined)[] {
  let now = 0;
  const restarts = createRestarts(() => now);
  return times.map((time) => {
    now = time;
    return restarts.died();
  });
}

describe("a worker that dies", () => {
  it("comes back at once, then later and later, and the fifth time not", () => {
    expect(deathsAt(0, 1, 2, 3, 4)).toEqual([0, 200, 400, 800, undefined]);
  });

  it("may die for ever when it does so seldom", () => {
    expect(new Set(deathsAt(...Array.from({ length: 50 }, (_, at) => at * windowMs)))).toEqual(new Set([0]));
    expect(deathsAt(0, 3_000, 6_000, 9_000, 12_000, 15_000)).toEqual([0, 200, 400, 800, 800, 800]);
  });

  it("has its old deaths forgiven", () => {
    expect(deathsAt(0, 1, 2, 3, windowMs + 3)).toEqual([0, 200, 400, 800, 0]);
  });
});
