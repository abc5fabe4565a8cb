import { describe, expect, it } from "vitest";
import { labelsOf, parseExposition, sumOf } from "./exposition.ts";

const counter = "# HELP a_total A \\\\ b\n# TYPE a_total counter\n";
const histogram = "# HELP h H\n# TYPE h histogram\n";
const good = `${counter}a_total{x="q\\"\\\\\\n",y=""} 1e+21\n\n${histogram}h_bucket{x="1",le="1"} 1\nh_bucket{x="1",le="+Inf"} 2\nh_sum{x="1"} 7.5\nh_count{x="1"} 2\n`;

describe("the strict reader of a scrape", () => {
  it("reads what is right", () => {
    const families = parseExposition(good);
    expect([...families.keys()]).toEqual(["a_total", "h"]);
    const first = families.get("a_total");
    expect(first).toMatchObject({
      help: "A \\ b",
      samples: [{ labels: { x: 'q"\\\n', y: "" }, value: 1e21 }],
    });
    expect(first && labelsOf(first)).toEqual(["x", "y"]);
    expect(sumOf(families, "h_count", { x: "1" })).toBe(2);
    expect(sumOf(families, "h_count", { x: "2" })).toBe(0);
  });

  it.each([
    ["no line feed at the end", `${counter}a_total 1`],
    ["TYPE without HELP", "# TYPE a_total counter\na_total 1\n"],
    ["a sample before its family", `a_total 1\n${counter}`],
    ["a family twice", `${counter}a_total 1\n${histogram}${counter}`],
    ["a sample in another's family", `${counter}b_total 1\n`],
    ["a series twice", `${counter}a_total{x="1"} 1\na_total{x="1"} 2\n`],
    ["a label twice", `${counter}a_total{x="1",x="2"} 1\n`],
    ["other labels in one family", `${counter}a_total{x="1"} 1\na_total{y="1"} 1\n`],
    ["a bad escape", `${counter}a_total{x="\\t"} 1\n`],
    ["a comma too many", `${counter}a_total{x="1",} 1\n`],
    ["what is no number", `${counter}a_total one\n`],
    ["a counter below zero", `${counter}a_total -1\n`],
    ["buckets that fall", good.replace('le="1"} 1', 'le="1"} 3')],
    ["+Inf that is not the count", good.replace('h_count{x="1"} 2', 'h_count{x="1"} 3')],
    ["a histogram without a sum", good.replace('h_sum{x="1"} 7.5\n', "")],
    ["bounds in disorder", good.replace('le="1"', 'le="+Inf"').replace('le="+Inf"} 2', 'le="1"} 2')],
  ])("refuses %s", (_, text) => {
    expect(() => parseExposition(text)).toThrow();
  });
});
