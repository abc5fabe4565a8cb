import { describe, expect, it } from "vitest";
import type { RoutingDecision } from "../llm/routing-decision.ts";
import { routingHeader } from "./routing-header.ts";

const group = (description: string, distance: number, within: boolean) => ({
  description,
  targets: ["p/m"],
  distance,
  within,
});

describe("routingHeader", () => {
  it("says reason, distance, threshold and margin", () => {
    const decision: RoutingDecision = {
      reason: "matched",
      threshold: 0.7,
      metric: "cosine",
      groups: [group("python", 0.41249, true), group("it", 0.6225, true)],
      margin: 0.21001,
    };
    expect(routingHeader(decision)).toBe("reason=matched; distance=0.412; threshold=0.7; margin=0.210");
    expect(routingHeader({ ...decision, inherited: true })).toBe(
      "reason=matched; distance=0.412; threshold=0.7; margin=0.210; inherited",
    );
  });

  it("says only the reason where nothing was measured", () => {
    expect(routingHeader({ reason: "balanced", groups: [] })).toBe("reason=balanced");
    expect(routingHeader({ reason: "fallback", detail: "a detail", threshold: 0.7, groups: [] })).toBe(
      "reason=fallback",
    );
  });

  it("says that little of a budget is left, and nothing of one that is far from its limit", () => {
    const budget = (outcome: "within" | "soft") => ({ outcome, counters: "exact", limits: [] }) as const;
    const decision: RoutingDecision = { reason: "balanced", groups: [] };
    expect(routingHeader(decision, budget("soft"))).toBe("reason=balanced; budget=soft");
    expect(routingHeader(undefined, budget("soft"))).toBe("budget=soft");
    expect(routingHeader(decision, budget("within"))).toBe("reason=balanced");
  });

  it("is left out where nothing was decided", () => {
    expect(routingHeader(undefined)).toBeUndefined();
  });

  it("has nothing of descriptions and details in it, which may be anything", () => {
    const header = routingHeader({
      reason: "catchall",
      detail: "d\r\nx: 1",
      groups: [group("ü\n", 1, false)],
      threshold: 0.5,
    });
    expect(header).toMatch(/^[\x20-\x7e]+$/);
  });
});
