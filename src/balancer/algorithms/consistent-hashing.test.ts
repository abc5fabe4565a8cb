import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  createBalanceRequest,
  createBalancerServices,
  createFakeMemory,
  createTargets,
  defaultSettings,
} from "../../../test/support/balancing.ts";
import { createRecordingLogger } from "../../../test/support/recording-logger.ts";
import { seededRandom } from "../../simulator/text/random.ts";
import { describeBalancer } from "../balancer.contract.ts";
import type { BalancerServices, Target, TargetMemory } from "../balancer.ts";
import { consistentHashing } from "./consistent-hashing.ts";

const settings = { ...defaultSettings, hashOnHeader: "x-session" };

const create = (targets: readonly Target[], services: Partial<BalancerServices> = {}) =>
  consistentHashing.create(settings, targets, createBalancerServices(services));

const asking = (key: string) => createBalanceRequest([], { headers: { "x-session": key } });
const weighted = (...weights: number[]) => createTargets(weights.map((weight) => ({ weight })));
const keys = (count: number, seed = 0) => Array.from({ length: count }, (_, key) => `key-${seed}-${key}`);

/** The id of each key's target. */
const placesOf = (targets: readonly Target[], all: readonly string[], candidates = targets) => {
  const balancer = create(targets);
  return all.map((key) => balancer.pick(candidates, asking(key))?.id);
};

describeBalancer("consistent-hashing", {
  create: (targets, world) => consistentHashing.create(world.settings, targets, world.services),
});

describe("consistent-hashing", () => {
  it("keeps a value on its target, in every process and on every node, whatever the order of the file", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 6 }),
        fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 20 }),
        (weights, values) => {
          const targets = weighted(...weights);
          const turned = targets.toReversed().map((target, index) => ({ ...target, index }));
          expect(placesOf(turned, values)).toEqual(placesOf(targets, values));
        },
      ),
      { numRuns: 30 },
    );
  });

  it("moves nothing when a key is rotated or an option changes: the same model is called at the same place", () => {
    const before = weighted(3, 2, 1);
    const after = before.map((target) => ({ ...target, id: `${target.id}-rotated` }));
    const values = keys(1_000);
    expect(placesOf(after, values)).toEqual(placesOf(before, values).map((id) => `${id}-rotated`));
  });

  it("shares 100,000 values by the weights, within one per cent", () => {
    for (const weights of [
      [70, 25, 5],
      [1, 1],
      [100, 100, 100, 100],
    ]) {
      const targets = weighted(...weights);
      const places = placesOf(targets, keys(100_000));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      for (const { id, weight } of targets) {
        const share = places.filter((place) => place === id).length / places.length;
        expect(Math.abs(share - weight / total)).toBeLessThan(0.01);
      }
    }
  });

  it("moves the values of an unavailable target only, to the others by their weights, and all of them back", () => {
    const targets = weighted(50, 30, 20);
    const [lost, ...left] = targets;
    const balancer = create(targets);
    const all = keys(50_000);
    const before = all.map((key) => balancer.pick(targets, asking(key)));
    const meanwhile = all.map((key) => balancer.pick(left, asking(key)));
    expect(all.map((key) => balancer.pick(targets, asking(key)))).toEqual(before);
    const moved = meanwhile.filter((place, index) => place !== before[index]);
    expect(moved.length).toBe(before.filter((place) => place === lost).length);
    const toFirst = moved.filter((place) => place === left[0]).length / moved.length;
    expect(Math.abs(toFirst - 0.6)).toBeLessThan(0.02);
  });

  it("gives a target that is added its share of the values and moves no others", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.nat(1000), (count, seed) => {
        const targets = createTargets(Array.from({ length: count }, () => ({ weight: 100 })));
        const [added] = createTargets([{ weight: 100, id: "added", place: "added", index: count }]);
        const all = keys(2000, seed);
        const before = placesOf(targets, all);
        const after = placesOf([...targets, ...(added === undefined ? [] : [added])], all);
        const moved = after.filter((place, index) => place !== before[index]);
        expect(new Set(moved)).toEqual(new Set(["added"]));
        // 2,000 values: a deviation of 1.1 % at most, and of the ring 0.35 %; six of both together.
        expect(Math.abs(moved.length / all.length - 1 / (count + 1))).toBeLessThan(0.07);
      }),
      { numRuns: 20 },
    );
  });

  it("tries the others for the same request in the order of the ring, reading the header once", () => {
    const targets = weighted(1, 1, 1, 1);
    const balancer = create(targets);
    let reads = 0;
    const request = { ...asking("a"), header: () => `value ${reads++}` };
    const order: (Target | undefined)[] = [];
    for (let left = targets; left.length > 0; left = left.filter((target) => !order.includes(target)))
      order.push(balancer.pick(left, request));
    expect(new Set(order)).toEqual(new Set(targets));
    expect(reads).toBe(1);
  });

  it.each([[{}], [{ "x-session": "" }]])(
    "spreads requests with the headers %j by the weights, each with a place for its retries",
    (headers) => {
      const targets = weighted(3, 1);
      const balancer = create(targets, { random: seededRandom(7) });
      const requests = Array.from({ length: 20_000 }, () => createBalanceRequest([], { headers }));
      const picks = requests.map((request) => balancer.pick(targets, request));
      expect(Math.abs(picks.filter((pick) => pick === targets[0]).length / 20_000 - 0.75)).toBeLessThan(0.02);
      expect(requests.map((request) => balancer.pick(targets, request))).toEqual(picks);
      expect(requests[0]?.decision?.detail).toBe("at random, for the request has no header x-session");
    },
  );

  it("says once, at debug, that a header is missing, and never what a value is", () => {
    const log = createRecordingLogger();
    const targets = weighted(1, 1);
    const balancer = create(targets, { log });
    const request = asking("a secret");
    balancer.pick(targets, request);
    expect(log.lines).toEqual([]);
    for (let round = 0; round < 3; round++) balancer.pick(targets, createBalanceRequest());
    expect(log.lines).toEqual([
      { level: "debug", message: expect.stringContaining("random"), facts: { header: "x-session" } },
    ]);
    expect(request.decision).toEqual({
      reason: "balanced",
      detail: "by the value of the header x-session",
      groups: [],
    });
  });

  it("has the points that slots asks for, at least 1000, and makes them anew for changed targets only", () => {
    const memory = createFakeMemory();
    const states = new Map<string, object>();
    const watched: TargetMemory = {
      ...memory,
      of: (target, make) => {
        const state = memory.of(target, make);
        states.set(target.id, state);
        return state;
      },
    };
    const pointsOf = (id: string) => (states.get(id) as { points: Uint32Array } | undefined)?.points;
    const [one, two] = createTargets([{ weight: 100 }, { weight: 50 }]);
    if (one === undefined || two === undefined) throw new Error("there are two");
    const small = { ...settings, slots: 64 };
    const first = consistentHashing.create(small, [one, two], createBalancerServices({ memory: watched }));
    expect(first.describeTarget?.(one)).toEqual({ slots: 1563 }); // 1000 × 100 ÷ 64
    expect(first.describeTarget?.(two)).toEqual({ slots: 781 });
    const before = [pointsOf(one.id), pointsOf(two.id)];
    consistentHashing.create(
      small,
      [one, { ...two, id: "changed", weight: 25 }],
      createBalancerServices({ memory: watched }),
    );
    expect(pointsOf(one.id)).toBe(before[0]);
    expect(pointsOf("changed")).not.toBe(before[1]);
  });
});
