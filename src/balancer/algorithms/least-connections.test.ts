import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  createBalanceRequest,
  createBalancerServices,
  createFakeMemory,
  createTargets,
  defaultSettings,
} from "../../../test/support/balancing.ts";
import { describeBalancer } from "../balancer.contract.ts";
import type { Balancer, Outcome, Target } from "../balancer.ts";
import { createTargetMemories } from "../target-memory.ts";
import { leastConnections } from "./least-connections.ts";

const create = (targets: readonly Target[], memory = createFakeMemory()) =>
  leastConnections.create(defaultSettings, targets, createBalancerServices({ memory }));

const weighted = (...weights: number[]) => createTargets(weights.map((weight) => ({ weight })));
const good: Outcome = { ok: true, latencyMs: 5 };

/** Picks one and begins it, as the pool does. */
function begin(balancer: Balancer, candidates: readonly Target[]): Target {
  const request = createBalanceRequest();
  const target = balancer.pick(candidates, request);
  if (target === undefined) throw new Error("nothing was picked");
  balancer.started?.(target, request);
  return target;
}

const inFlight = (balancer: Balancer, target: Target) =>
  balancer.describeTarget?.(target)["connections"] ?? -1;

describeBalancer("least-connections", {
  create: (targets, world) => leastConnections.create(world.settings, targets, world.services),
});

describe("least-connections", () => {
  it("keeps the attempts under way in proportion to the weights, as nearly as whole numbers can", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 300 }),
        (weights, count) => {
          const targets = weighted(...weights);
          const balancer = create(targets);
          for (let attempt = 0; attempt < count; attempt++) begin(balancer, targets);
          // Jefferson's apportionment: none has taken one while another's next would have been lighter.
          for (const taker of targets) {
            for (const other of targets) {
              const taken = inFlight(balancer, taker) / taker.weight;
              expect(taken).toBeLessThanOrEqual((inFlight(balancer, other) + 1) / other.weight + 1e-12);
            }
          }
        },
      ),
    );
  });

  it("has 10,000 attempts under way shared by the weights within one per cent, also among those left", () => {
    const targets = weighted(70, 25, 5);
    for (const candidates of [targets, targets.slice(0, 2), targets.slice(1)]) {
      const balancer = create(targets);
      for (let attempt = 0; attempt < 10_000; attempt++) begin(balancer, candidates);
      const total = candidates.reduce((sum, { weight }) => sum + weight, 0);
      for (const target of candidates)
        expect(Math.abs(inFlight(balancer, target) / 10_000 - target.weight / total)).toBeLessThan(0.01);
    }
  });

  it("sends a lone client to the heaviest, and takes turns among equals", () => {
    const lone = (targets: readonly Target[]) => {
      const balancer = create(targets);
      return Array.from({ length: 6 }, () => {
        const target = begin(balancer, targets);
        balancer.observe?.(target, good);
        return target.index;
      });
    };
    expect(lone(weighted(1, 3, 2))).toEqual([1, 1, 1, 1, 1, 1]);
    expect(lone(weighted(2, 2, 1))).toEqual([0, 1, 0, 1, 0, 1]);
  });

  it("counts an attempt until it ends, and lets it go however it ends", () => {
    const targets = weighted(1, 1);
    const balancer = create(targets);
    const outcomes: Outcome[] = [
      good,
      { ok: false, failure: "stream", latencyMs: 9 },
      { ok: false, failure: "http_429", latencyMs: 9, retryAfterMs: 1000 },
      { ok: false, aborted: true, latencyMs: 9 },
    ];
    for (const outcome of outcomes) {
      const stream = begin(balancer, targets);
      const other = begin(balancer, targets);
      expect(other).not.toBe(stream);
      balancer.observe?.(other, good);
      expect(begin(balancer, targets)).toBe(other);
      balancer.observe?.(other, good);
      expect(inFlight(balancer, stream)).toBe(1);
      balancer.observe?.(stream, outcome);
      expect(inFlight(balancer, stream)).toBe(0);
    }
  });

  it("never counts below nothing", () => {
    const targets = weighted(1);
    const balancer = create(targets);
    for (const target of targets) {
      balancer.observe?.(target, good);
      expect(balancer.describeTarget?.(target)).toEqual({ connections: 0, score: 1 });
    }
  });

  it("goes on with the same counts after a reload, and ends what began before it", () => {
    const memory = createFakeMemory();
    const targets = weighted(1, 1);
    const old = create(targets, memory);
    const early = begin(old, targets);
    const again = targets.map((target) => ({ ...target, index: 1 - target.index })).reverse();
    const reloaded = create(again, memory);
    expect(begin(reloaded, again).id).not.toBe(early.id);
    old.observe?.(early, good);
    expect(again.map((target) => inFlight(reloaded, target)).sort()).toEqual([0, 1]);
    expect(begin(reloaded, again).id).toBe(early.id);
  });

  it("leaves nothing behind of a target that was removed while in use", () => {
    const memories = createTargetMemories();
    const targets = weighted(1);
    const release = memories.hold("plugin", targets);
    const balancer = create(targets, memories.of("plugin", "least-connections"));
    const target = begin(balancer, targets);
    release();
    balancer.observe?.(target, good);
    // A new holder starts from nothing, so the late end has not brought the old state back.
    memories.hold("plugin", targets);
    const fresh = { inFlight: -7 };
    expect(memories.of("plugin", "least-connections").of(target, () => fresh)).toBe(fresh);
  });
});
