import { describe, expect, it } from "vitest";
import { type Round, scenarioTable } from "./report.ts";
import { scenarios } from "./scenarios.ts";
import type { Window } from "./window.ts";

const names = { sides: ["direct", "nginx", "peer", "ours"], direct: "direct", nginx: "nginx", peer: "peer" };

function round(rates: readonly number[], foreignShare = 0): Round {
  return new Map(names.sides.map((side, index) => [side, window(rates[index] ?? 0, foreignShare)]));
}

function window(rate: number, foreignShare: number): Window {
  return {
    rate,
    chunkRate: 0,
    cpuPerAnswer: 1e6 / rate,
    cpuPerChunk: undefined,
    p50: 1,
    p99: 2,
    firstByteP50: 1,
    firstByteP99: 2,
    loadShare: 0.5,
    foreignShare,
  };
}

function rowOf(table: string, side: string): string[] {
  const line = table.split("\n").find((text) => text.startsWith(`| ${side}`)) ?? "";
  return line.split("|").map((cell) => cell.trim());
}

const scenario = scenarios[0];

describe("scenarioTable", () => {
  it("compares sides inside each round, so that a slow round does not look like a slow side", () => {
    if (scenario === undefined) throw new Error("no scenario");
    const rounds = [round([100, 80, 10, 60]), round([50, 40, 5, 30]), round([10, 8, 1, 6])];
    const [, side, rate, timesPeer, timesNginx] = rowOf(scenarioTable({ scenario, rounds }, names), "ours");
    expect([side, rate, timesPeer, timesNginx]).toEqual(["ours", "30 (6–60)", "6.00", "0.75"]);
  });

  it("leaves noisy rounds out while three quiet ones remain", () => {
    if (scenario === undefined) throw new Error("no scenario");
    const quiet = [round([9, 9, 1, 6]), round([9, 9, 1, 6]), round([9, 9, 1, 6])];
    const row = rowOf(
      scenarioTable({ scenario, rounds: [...quiet, round([9, 9, 3, 3], 0.4)] }, names),
      "ours",
    );
    expect(row.slice(1, 4)).toEqual(["ours", "6", "6.00"]);
  });

  it("marks a row that has too few quiet rounds, and then uses all", () => {
    if (scenario === undefined) throw new Error("no scenario");
    const rounds = [round([9, 9, 1, 6]), round([9, 9, 1, 6]), round([9, 9, 1, 3], 0.4)];
    const row = rowOf(scenarioTable({ scenario, rounds }, names), "ours");
    expect(row.slice(1, 4)).toEqual(["ours *", "6 (3–6)", "6.00 (3.00–6.00)"]);
  });

  it("has no columns for sides that did not run", () => {
    if (scenario === undefined) throw new Error("no scenario");
    const alone = { ...names, nginx: undefined, peer: undefined };
    expect(scenarioTable({ scenario, rounds: [round([9, 9, 1, 6])] }, alone)).not.toMatch(/×/);
  });
});
