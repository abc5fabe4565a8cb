import { describe, expect, it } from "vitest";
import type { Calls } from "../measuring/calls.ts";
import { decisionTable, searchTable, startTable } from "./report.ts";

const calls = (us: number): Calls => ({
  count: 9,
  p50Us: us,
  p99Us: 3 * us,
  perSecond: 1e6 / us,
  cpuUs: us / 2,
});
const sides = { names: ["memory", "redis"], base: "memory" };

function cellsOf(table: string): string[][] {
  const lines = table.trimEnd().split("\n");
  return lines.map((line) => line.slice(2, -2).split(" | "));
}

describe("decisionTable", () => {
  it("has a row for each store and number of groups, compared inside each round", () => {
    const decisions = (us: number) => ({ unseen: calls(us), cached: calls(us / 10), foreignShare: 0 });
    const round = (memory: number, redis: number) =>
      new Map([
        [
          3,
          new Map([
            ["memory", decisions(memory)],
            ["redis", decisions(redis)],
          ]),
        ],
      ]);
    const [, , memory, redis, ...missing] = cellsOf(
      decisionTable([round(50, 50), round(100, 110), round(60, 54)], [3, 30], sides),
    );
    expect(memory).toEqual([
      "memory",
      "3",
      "60.0 (50.0–100)",
      "180 (150–300)",
      "–",
      expect.any(String),
      expect.any(String),
      "–",
    ]);
    expect([redis?.[0], redis?.[4], redis?.[7]]).toEqual(["redis", "1.00 (0.900–1.10)", "1.00 (0.900–1.10)"]);
    // Nothing was measured with 30 groups.
    expect(missing).toEqual(sides.names.map((side) => [side, "30", "–", "–", "–", "–", "–", "–"]));
  });
});

describe("searchTable", () => {
  it("shows a search alone in microseconds and 50 at once in milliseconds", () => {
    const searches = (us: number) => ({ alone: calls(us), together: calls(us * 20), foreignShare: 0 });
    const rounds = [
      new Map([
        ["memory", searches(10)],
        ["redis", searches(200)],
      ]),
    ];
    const rows = cellsOf(searchTable([{ items: 30, dimensions: 1024, rounds }], sides));
    expect(rows[0]).toHaveLength(11);
    expect(rows[3]).toEqual([
      "redis",
      "1024",
      "30",
      "200",
      "600",
      "20.0",
      "100",
      "4.00",
      "12.0",
      "250",
      "2,000",
    ]);
  });
});

describe("startTable", () => {
  it("has a dash where nothing can be read back, and marks what was noisy", () => {
    const rounds = [
      new Map([
        ["memory", { writeMs: 1, readMs: undefined, foreignShare: 0 }],
        ["redis", { writeMs: 8, readMs: 2, foreignShare: 0.5 }],
      ]),
    ];
    const rows = cellsOf(startTable([{ count: 100, rounds }], sides));
    expect(rows.slice(2)).toEqual([
      ["memory", "100", "1.00", "–"],
      ["redis *", "100", "8.00", "2.00"],
    ]);
  });
});
