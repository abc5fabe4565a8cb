import { describe, expect, it } from "vitest";
import type { Calls } from "../measuring/calls.ts";
import { embedderTable } from "./report.ts";

const calls = (us: number): Calls => ({ count: 9, p50Us: us, p99Us: 2 * us, perSecond: 1e6 / us, cpuUs: us });

function round(transport: number, vendor: number) {
  return new Map([
    ["local", { alone: calls(40), together: undefined, foreignShare: 0 }],
    ["transport", { alone: calls(transport), together: calls(transport), foreignShare: 0 }],
    ["vendor", { alone: calls(vendor), together: calls(2 * vendor), foreignShare: 0 }],
  ]);
}

describe("embedderTable", () => {
  it("compares our side of a call with its transport in the same round", () => {
    const sides = [
      { name: "local", answerLength: undefined, base: undefined },
      { name: "transport", answerLength: 12_800, base: undefined },
      { name: "vendor", answerLength: 12_800, base: "transport" },
    ];
    const table = embedderTable([round(100, 200), round(200, 400), round(400, 800)], sides, 50);
    const rows = table.split("\n").map((line) => line.split("|").map((text) => text.trim()));
    expect(rows[2]).toEqual(["", "local", "–", "40.0", "80.0", "40.0", "–", "–", "–", "–", "–", "–", ""]);
    expect(rows[3]?.slice(1, 3)).toEqual(["transport", "12.8"]);
    expect([rows[4]?.[3], rows[4]?.[6], rows[4]?.[7], rows[4]?.[11]]).toEqual([
      "400 (200–800)",
      "2.00",
      "0.800 (0.400–1.60)",
      "4.00",
    ]);
  });
});
