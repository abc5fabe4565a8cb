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
import { priority } from "./priority.ts";

const create = (targets: readonly Target[]) =>
  priority.create(defaultSettings, targets, createBalancerServices());

const weighted = (...weights: number[]) => createTargets(weights.map((weight) => ({ weight })));

describeBalancer("priority", {
  create: (targets, world) => priority.create(world.settings, targets, world.services),
});

describe("priority", () => {
  it("takes only the heaviest of the candidates, in equal turns", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 8 }), (weights) => {
        const targets = weighted(...weights);
        const balancer = create(targets);
        const highest = targets.filter(({ weight }) => weight === Math.max(...weights));
        const picks = Array.from(
          { length: 10 * highest.length },
          () => balancer.pick(targets, createBalanceRequest())?.index,
        );
        for (const { index } of highest) expect(picks.filter((pick) => pick === index).length).toBe(10);
      }),
    );
  });

  it("goes down to the next group only when the higher one is used up, and comes back", () => {
    const targets = weighted(25, 70, 70);
    const balancer = create(targets);
    const request = createBalanceRequest();
    const order: (Target | undefined)[] = [];
    for (let left = targets; left.length > 0; left = left.filter((target) => !order.includes(target)))
      order.push(balancer.pick(left, request));
    expect(order.map((target) => target?.index)).toEqual([1, 2, 0]);
    expect(balancer.pick(targets, createBalanceRequest())?.weight).toBe(70);
  });

  it("says which group it took, and changes that when a request goes further down", () => {
    const targets = weighted(70, 70, 25);
    const balancer = create(targets);
    const request = createBalanceRequest();
    balancer.pick(targets, request);
    expect(request.decision?.detail).toBe("priority 70: the highest there is");
    balancer.pick(targets.slice(2), request);
    expect(request.decision?.detail).toBe("priority 25: no target of a higher one is left");
  });

  it("describes a target by the rank of its group", () => {
    const targets = weighted(70, 25, 70);
    const balancer = create(targets);
    expect(targets.map((target) => balancer.describeTarget?.(target))).toEqual([
      { priority: 1 },
      { priority: 2 },
      { priority: 1 },
    ]);
  });
});
