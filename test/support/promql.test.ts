import { describe, expect, it } from "vitest";
import { parsePromql } from "./promql.ts";

describe("the reader of PromQL", () => {
  it("finds metrics, labels and groups", () => {
    const asked = parsePromql(
      'sum by (a, le) (rate(m_bucket{x=~"q{}(by)", y!="$v"}[$__rate_interval])) / (count(n == 2) or vector(0))',
    );
    expect(asked.selectors).toEqual([
      { metric: "m_bucket", labels: ["x", "y"], within: "rate" },
      { metric: "n", labels: [], within: "count" },
    ]);
    expect(asked.grouping).toEqual(["a", "le"]);
    expect([...asked.functions]).toEqual(["sum", "rate", "count", "vector"]);
  });

  it.each(["sum(rate(m[5m])", "sum(m))", "ratte(m[5m])", "m{x='y'}"])("refuses %s", (expression) => {
    expect(() => parsePromql(expression)).toThrow();
  });
});
