/** Algorithms whose state matters, in several processes that serve the same config. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  createBalanceRequest,
  createBalancerServices,
  createTargets,
  defaultSettings,
} from "../../../test/support/balancing.ts";
import { createSharedProcesses, owner } from "../../../test/support/shared-processes.ts";
import type { Balancer, BalancerDefinition, BalancerSettings, Outcome, Target } from "../balancer.ts";
import { createTargetMemories } from "../target-memory.ts";
import { leastConnections } from "./least-connections.ts";
import { lowestUsage } from "./lowest-usage.ts";

const halfLifeMs = 10_000;
const settings: BalancerSettings = { ...defaultSettings, usageHalfLifeMs: halfLifeMs };
const weights = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 });
const clocks = fc.array(fc.integer({ min: -100_000, max: 100_000 }), { minLength: 2, maxLength: 4 });

const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc.record({
    ok: fc.constant(true),
    latencyMs: fc.constant(1),
    usage: fc.record({ inputTokens: fc.nat({ max: 1000 }), outputTokens: fc.nat({ max: 1000 }) }),
  }),
  fc.constant({ ok: false, failure: "timeout", latencyMs: 1 } as const),
  fc.constant({ ok: false, aborted: true, latencyMs: 1 } as const),
);
const step = fc.record({
  process: fc.nat({ max: 11 }),
  begins: fc.boolean(),
  target: fc.nat({ max: 11 }),
  outcome,
  waitMs: fc.constantFrom(0, 1, halfLifeMs / 10),
});

function start(
  member: BalancerDefinition,
  targets: readonly Target[],
  now: () => number,
  memories: ReturnType<typeof createTargetMemories>,
): Balancer {
  const services = createBalancerServices({ now, memory: memories.of(owner, member.name) });
  const balancer = member.create(settings, targets, services);
  memories.hold(owner, targets);
  return balancer;
}

function nth<Value>(values: readonly Value[], index: number): Value {
  const value = values[index % values.length];
  if (value === undefined) throw new Error("there is none");
  return value;
}

/** Plays the same attempts in several processes and in a single one; what they then hold of each target. */
function play(
  member: BalancerDefinition,
  list: readonly number[],
  ahead: readonly number[],
  run: readonly { process: number; begins: boolean; target: number; outcome: Outcome; waitMs: number }[],
) {
  const targets = createTargets(list.map((weight) => ({ weight })));
  const processes = createSharedProcesses(ahead);
  const balancers = processes.all.map(({ now, memories }) => start(member, targets, now, memories));
  let time = 1_000_000;
  const single = start(member, targets, () => time, createTargetMemories());
  const underWay: { readonly balancer: Balancer; readonly target: Target }[] = [];
  for (const { process, begins, target: index, outcome, waitMs } of run) {
    time += waitMs;
    processes.pass(waitMs);
    const [balancer, target] = [nth(balancers, process), nth(targets, index)];
    if (begins) {
      underWay.push({ balancer, target });
      for (const each of [balancer, single]) each.started?.(target, createBalanceRequest());
    } else {
      const ending = underWay.shift();
      if (ending === undefined) continue;
      for (const each of [ending.balancer, single]) each.observe?.(ending.target, outcome);
    }
  }
  processes.exchange();
  const describe = (balancer: Balancer) => targets.map((target) => balancer.describeTarget?.(target) ?? {});
  return { targets, processes, balancers, together: balancers.map(describe), alone: describe(single) };
}

describe.each([leastConnections, lowestUsage])("$name in several processes", (member) => {
  it("holds of each target what one process would that had made all the attempts", () => {
    fc.assert(
      fc.property(weights, clocks, fc.array(step, { maxLength: 60 }), (list, ahead, run) => {
        const { together, alone } = play(member, list, ahead, run);
        for (const scores of together) {
          for (const [index, expected] of alone.entries()) {
            for (const [name, value] of Object.entries(expected))
              expect(scores[index]?.[name]).toBeCloseTo(value, 6);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it("tells of every attempt that begins and ends", () => {
    const [target] = createTargets([{}]);
    if (target === undefined) throw new Error("no target");
    const processes = createSharedProcesses([0, 0]);
    const [one] = processes.all;
    if (one === undefined) throw new Error("no process");
    const balancer = start(member, [target], one.now, one.memories);
    processes.exchange();
    balancer.started?.(target, createBalanceRequest());
    expect(one.changes).toBe(1);
    balancer.observe?.(target, { ok: true, latencyMs: 1 });
    expect(one.changes).toBe(2);
  });
});

describe("least-connections, when a process has ended", () => {
  it("counts nothing of it as under way", () => {
    const begin = { begins: true, target: 0, outcome: { ok: true, latencyMs: 1 }, waitMs: 0 };
    const { targets, processes, balancers } = play(
      leastConnections,
      [1],
      [0, 0],
      [
        { process: 0, ...begin },
        { process: 1, ...begin },
      ],
    );
    const [target] = targets;
    if (target === undefined) throw new Error("no target");
    expect(balancers[0]?.describeTarget?.(target)).toMatchObject({ connections: 2 });
    processes.exchange([1]);
    expect(balancers[0]?.describeTarget?.(target)).toMatchObject({ connections: 1 });
  });
});

describe("lowest-usage, when a process has ended or begins", () => {
  const usage = { inputTokens: 60, outputTokens: 40 };
  const answers = [
    { process: 0, begins: true, target: 0, outcome: { ok: true, latencyMs: 1 }, waitMs: 0 },
    { process: 0, begins: false, target: 0, outcome: { ok: true, latencyMs: 1, usage }, waitMs: 0 },
  ] as const;

  it("goes on counting what it has used, as it fades", () => {
    const { targets, processes, balancers } = play(lowestUsage, [1], [0, 5_000], answers);
    const [target] = targets;
    if (target === undefined) throw new Error("no target");
    processes.exchange([0]);
    expect(balancers[1]?.describeTarget?.(target)).toEqual({ total_tokens: 100 });
    processes.pass(halfLifeMs);
    expect(balancers[1]?.describeTarget?.(target)["total_tokens"]).toBeCloseTo(50);
  });

  it("starts a process with what the others have told before", () => {
    const { targets, processes } = play(lowestUsage, [1, 1], [0, 0], answers);
    const [, second] = processes.all;
    const [target] = targets;
    if (second === undefined || target === undefined) throw new Error("there is none");
    // A reload with another target: what is new hears what was told, and where the others stand.
    const next = start(
      lowestUsage,
      [target, ...createTargets([{}, {}, { id: "new" }]).slice(2)],
      second.now,
      second.memories,
    );
    expect(next.describeTarget?.(target)).toEqual({ total_tokens: 100 });
    expect(next.pick([target], createBalanceRequest())).toBe(target);
  });

  it("does not mix what is counted in different units", () => {
    const targets = createTargets([{}]);
    const [target] = targets;
    if (target === undefined) throw new Error("no target");
    const processes = createSharedProcesses([0, 0]);
    const [tokens, cost] = processes.all.map(({ now, memories }, index) => {
      const strategy = index === 0 ? "total-tokens" : "cost";
      const services = createBalancerServices({ now, memory: memories.of(owner, "lowest-usage") });
      const balancer = lowestUsage.create({ ...settings, tokensCountStrategy: strategy }, targets, services);
      memories.hold(owner, targets);
      return balancer;
    });
    tokens?.started?.(target, createBalanceRequest());
    tokens?.observe?.(target, { ok: true, latencyMs: 1, usage });
    processes.exchange();
    expect(cost?.describeTarget?.(target)).toEqual({ cost_usd: 0 });
  });
});
