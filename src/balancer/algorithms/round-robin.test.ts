import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  createBalanceRequest,
  createBalancerServices,
  createTargets,
  defaultSettings,
} from "../../../test/support/balancing.ts";
import { describeBalancer } from "../balancer.contract.ts";
import type { Target } from "../balancer.ts";
import { roundRobin } from "./round-robin.ts";

const create = (targets: readonly Target[]) =>
  roundRobin.create(defaultSettings, targets, createBalancerServices());

const weighted = (...weights: number[]) => createTargets(weights.map((weight) => ({ weight })));

/** The indexes of as many picks. */
function pickMany(targets: readonly Target[], count: number, balancer = create(targets)): number[] {
  return Array.from({ length: count }, () => balancer.pick(targets, createBalanceRequest())?.index ?? -1);
}

const countOf = (picks: readonly number[], index: number) => picks.filter((pick) => pick === index).length;
const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0);

describeBalancer("round-robin", { create });

describe("round-robin", () => {
  it("gives each target exactly its weight in every run of the sum of the weights", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 7 }), (weights) => {
        const targets = weighted(...weights);
        const balancer = create(targets);
        for (let turn = 0; turn < 3; turn++) {
          const picks = pickMany(targets, sum(weights), balancer);
          expect(weights.map((_, index) => countOf(picks, index))).toEqual(weights);
        }
      }),
    );
  });

  it("interleaves as nginx does", () => {
    expect(pickMany(weighted(5, 1, 1), 7)).toEqual([0, 0, 1, 0, 2, 0, 0]);
    expect(pickMany(weighted(1, 1, 1), 6)).toEqual([0, 1, 2, 0, 1, 2]);
  });

  it("never lets one target run longer than its share makes necessary", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }), (heavy, light) => {
        const targets = weighted(heavy, light);
        const picks = pickMany(targets, 2 * (heavy + light)).join(" ");
        const longest = Math.max(...picks.split(/ ?1 ?/).map((run) => run.split(" ").filter(Boolean).length));
        expect(longest).toBeLessThanOrEqual(Math.ceil(heavy / light));
      }),
    );
  });

  it("is never more than one pick away from the exact share at any moment", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 2, maxLength: 5 }), (weights) => {
        const total = sum(weights);
        const picks = pickMany(weighted(...weights), total);
        for (let taken = 1; taken <= total; taken++) {
          const [first = 0] = weights;
          const due = (taken * first) / total;
          expect(Math.abs(countOf(picks.slice(0, taken), 0) - due)).toBeLessThan(weights.length);
        }
      }),
    );
  });

  it("shares by the weights of those that are left, within one per cent of 10,000 picks", () => {
    const targets = weighted(70, 25, 5);
    for (const left of [targets, targets.slice(0, 2), targets.slice(1), [targets[0], targets[2]]]) {
      const candidates = left.filter((target) => target !== undefined);
      const balancer = create(targets);
      pickMany(targets, 33, balancer); // not a fresh start
      const picks = pickMany(candidates, 10_000, balancer);
      const total = sum(candidates.map((target) => target.weight));
      for (const target of candidates) {
        expect(Math.abs(countOf(picks, target.index) / 10_000 - target.weight / total)).toBeLessThan(0.01);
      }
    }
  });

  it("is fair again when a target comes back", () => {
    const targets = weighted(1, 1, 2);
    const balancer = create(targets);
    pickMany(targets.slice(0, 2), 501, balancer);
    const picks = pickMany(targets, 400, balancer);
    expect(countOf(picks, 2)).toBeGreaterThanOrEqual(198);
    expect(countOf(picks, 2)).toBeLessThanOrEqual(202);
  });

  it("takes the largest weights there are", () => {
    const picks = pickMany(weighted(65535, 65535, 1), 1000);
    expect(countOf(picks, 0)).toBe(500);
    expect(countOf(picks, 1)).toBe(500);
  });

  it("says that it did not look at the prompt, and keeps what another has said", () => {
    const targets = weighted(1);
    const request = createBalanceRequest(["a secret"]);
    create(targets).pick(targets, request);
    expect(request.decision).toEqual({ reason: "balanced", groups: [] });
  });
});
