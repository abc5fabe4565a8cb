import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type HealthState,
  targetHealth,
  type UpstreamState,
  upstreamHealth,
  worstOf,
} from "./upstream-health.ts";

const state = (health: HealthState, weight = 100) => ({ health, weight });

describe("the health of an upstream", () => {
  it.each([
    [[state("healthy"), state("unhealthy")], 50, "healthy"],
    [[state("healthy"), state("unhealthy")], 51, "unhealthy"],
    [[state("healthy", 45), state("unhealthy", 55)], 45, "healthy"],
    [[state("unhealthy")], 0, "unhealthy"],
    [[], 0, "unhealthy"],
  ] as const)("of %j with a threshold of %i is %s", (targets, threshold, health) => {
    expect(upstreamHealth(targets, threshold, true)).toBe(health);
  });

  it("is not known without checks, unless too much of it was taken out by hand", () => {
    expect(upstreamHealth([state("healthchecks_off"), state("unhealthy")], 0, false)).toBe(
      "healthchecks_off",
    );
    expect(upstreamHealth([state("healthchecks_off"), state("unhealthy")], 60, false)).toBe("unhealthy");
    expect([targetHealth(false, false), targetHealth(true, false)]).toEqual([
      "healthchecks_off",
      "unhealthy",
    ]);
  });

  it("of several views is the worst of each, in whatever order they come", () => {
    const health = fc.constantFrom<HealthState[]>("healthchecks_off", "healthy", "unhealthy");
    const view = fc.tuple(health, health, health).map(([whole, a, b]): UpstreamState => {
      const target = (name: string, of: HealthState) => ({
        name,
        host: name,
        port: 1,
        weight: 1,
        health: of,
      });
      return { id: "u", name: "u", health: whole, targets: [target("a", a), target("b", b)] };
    });
    fc.assert(
      fc.property(fc.array(view, { minLength: 1 }), (views) => {
        const merged = worstOf(views.map((each) => [each]));
        expect(merged).toEqual(worstOf(views.toReversed().map((each) => [each])));
        expect(merged).toHaveLength(1);
        const isOut = views.some(({ targets }) => targets[0]?.health === "unhealthy");
        expect(merged[0]?.targets[0]?.health === "unhealthy").toBe(isOut);
      }),
    );
  });
});
