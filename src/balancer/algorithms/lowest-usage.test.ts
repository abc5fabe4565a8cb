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
import type { BalancerSettings, Outcome, Target } from "../balancer.ts";
import { lowestUsage } from "./lowest-usage.ts";

for (const tokensCountStrategy of ["total-tokens", "cost", "llm-accuracy"] as const) {
  describeBalancer(`lowest-usage by ${tokensCountStrategy}`, {
    create: (targets, { settings, services }) =>
      lowestUsage.create({ ...settings, tokensCountStrategy }, targets, services),
  });
}

const halfLifeMs = 1000;
const failed: Outcome = { ok: false, failure: "http_500", latencyMs: 1 };
const left: Outcome = { ok: false, aborted: true, latencyMs: 1 };
const silent: Outcome = { ok: true, latencyMs: 1 };
const used = (inputTokens: number, outputTokens = 0): Outcome => ({
  ok: true,
  latencyMs: 1,
  usage: { inputTokens, outputTokens },
});
const paid = (costUsd: number): Outcome => ({ ok: true, latencyMs: 1, costUsd });
const judged = (accuracy: number): Outcome => ({ ok: true, latencyMs: 1, accuracy });

function start(
  targets: readonly Target[],
  tokensCountStrategy: BalancerSettings["tokensCountStrategy"] = "total-tokens",
  memory = createFakeMemory(),
) {
  let time = 0;
  const services = createBalancerServices({ now: () => time, memory });
  const settings = { ...defaultSettings, tokensCountStrategy, usageHalfLifeMs: halfLifeMs };
  const balancer = lowestUsage.create(settings, targets, services);
  const request = createBalanceRequest();
  const at = (index: number) => targets[index] as Target; // the tests name targets that they made
  const pick = () => balancer.pick(targets, request)?.index ?? -1;
  const begin = (index: number) => balancer.started?.(at(index), request);
  const end = (index: number, outcome: Outcome) => balancer.observe?.(at(index), outcome);

  function run(index: number, outcome: Outcome): void {
    begin(index);
    end(index, outcome);
  }
  /** How often each target is chosen when each answers like this. */
  function share(requests: number, answer: (index: number) => Outcome): number[] {
    const counts = targets.map(() => 0);
    for (let count = 0; count < requests; count++) {
      const index = pick();
      counts[index] = (counts[index] ?? 0) + 1;
      run(index, answer(index));
    }
    return counts;
  }
  function burst(requests: number): number[] {
    const counts = targets.map(() => 0);
    for (let count = 0; count < requests; count++) {
      const index = pick();
      counts[index] = (counts[index] ?? 0) + 1;
      begin(index);
    }
    return counts;
  }
  return {
    pick,
    begin,
    end,
    run,
    share,
    burst,
    pass: (ms: number) => {
      time += ms;
    },
    about: (index: number) => balancer.describeTarget?.(at(index)) ?? {},
    request,
  };
}

const two = createTargets([{}, {}]);
const three = createTargets([{}, {}, {}]);

describe("lowest-usage", () => {
  it.each([
    ["total-tokens", [used(100, 0), used(10, 80)], 1],
    ["prompt-tokens", [used(5, 900), used(10, 0)], 0],
    ["completion-tokens", [used(900, 5), used(0, 10)], 0],
    ["cost", [paid(0.02), paid(0.01)], 1],
  ] as const)("counts %s", (strategy, [first, second], expected) => {
    const { run, pick } = start(two, strategy);
    run(0, first);
    run(1, second);
    expect(pick()).toBe(expected);
  });

  it("shares what is used, not the requests, by weight within one per cent", () => {
    const { share } = start(createTargets([{ weight: 3 }, { weight: 1 }]));
    const [heavy = 0, light = 0] = share(4000, (index) => used(index === 0 ? 10 : 40));
    expect((heavy * 10) / (heavy * 10 + light * 40)).toBeCloseTo(0.75, 2);
  });

  it("gives each target its weight of what is used, whatever an answer of each uses", () => {
    const targetsOf = fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 500 })), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(targetsOf, (facts) => {
        const { share } = start(createTargets(facts.map(([weight]) => ({ weight }))));
        const tokens = facts.map(([, each]) => each);
        const counts = share(2000, (index) => used(tokens[index] ?? 0));
        const perWeight = facts.map(([weight, each], index) => ((counts[index] ?? 0) * each) / weight);
        const slack = Math.max(...facts.map(([weight, each]) => each / weight));
        expect(Math.max(...perWeight) - Math.min(...perWeight)).toBeLessThanOrEqual(2 * slack);
      }),
      { numRuns: 40 },
    );
  });

  it("begins as round-robin by weight, in a burst too", () => {
    expect(start(createTargets([{ weight: 5 }, { weight: 3 }, { weight: 2 }])).burst(100)).toEqual([
      50, 30, 20,
    ]);
  });

  it("spreads a burst although nothing of it is known yet", () => {
    const { run, burst } = start(three);
    for (const index of [0, 1, 2]) run(index, used(100));
    expect(burst(30)).toEqual([10, 10, 10]);
  });

  it("expects of an attempt under way what its target uses on average", () => {
    const { run, about, begin, end } = start(two);
    run(0, used(100));
    run(0, used(300));
    begin(0);
    expect(about(0)).toEqual({ total_tokens: 600 });
    end(0, used(50));
    expect(about(0)).toEqual({ total_tokens: 450 });
  });

  it("forgets a half in each half-life", () => {
    const { run, about, pass } = start(two);
    run(0, used(800));
    pass(halfLifeMs);
    expect(about(0)).toEqual({ total_tokens: 400 });
    pass(2 * halfLifeMs);
    expect(about(0)).toEqual({ total_tokens: 100 });
  });

  it("lets old usage not count for ever", () => {
    const { run, share, pass } = start(two);
    run(0, used(1_000_000));
    expect(share(10, () => used(100))).toEqual([0, 10]);
    pass(30 * halfLifeMs);
    const [first = 0] = share(100, () => used(100));
    expect(first).toBeGreaterThanOrEqual(45);
  });

  it("counts what an attempt used that broke off or was left, where it is known", () => {
    const { run, about } = start(two);
    run(0, { ...failed, usage: { inputTokens: 10, outputTokens: 5, estimated: true } });
    run(1, { ...left, usage: { inputTokens: 10, outputTokens: 7, estimated: true } });
    expect([about(0), about(1)]).toEqual([{ total_tokens: 15 }, { total_tokens: 17 }]);
  });

  it.each([
    ["fails", failed],
    ["fails and says it used nothing", { ...failed, usage: { inputTokens: 0, outputTokens: 0 } }],
    ["is always left by its clients", left],
    ["tells no usage", silent],
  ])("does not send everything to a target that %s", (_name, outcome) => {
    const { share } = start(two);
    const [odd = 0] = share(200, (index) => (index === 0 ? outcome : used(100)));
    expect(odd).toBeLessThanOrEqual(101);
    expect(odd).toBeGreaterThan(50);
  });

  it("does not send everything to a free target that fails", () => {
    const { run, share } = start(two, "cost");
    for (let count = 0; count < 1000; count++) run(0, paid(0));
    run(1, paid(0.01));
    const [free = 0] = share(100, (index) => (index === 0 ? failed : paid(0.01)));
    expect(free).toBeLessThan(75);
  });

  it("sends everything to a free target that answers", () => {
    const { run, share } = start(two, "cost");
    run(1, paid(0.01));
    expect(share(100, () => paid(0))).toEqual([100, 0]);
  });

  it("puts a new target level with the least used, so that it need not catch up", () => {
    const memory = createFakeMemory();
    const before = start(two, "total-tokens", memory);
    for (let count = 0; count < 100; count++) before.run(count % 2, used(100));
    const { share, about } = start(createTargets([{}, {}, { weight: 2 }]), "total-tokens", memory);
    expect(about(2)).toEqual({ total_tokens: 10_000 });
    expect(share(400, () => used(100))).toEqual([100, 100, 200]);
  });

  it("goes on after a reload with what was used, and with what is still under way", () => {
    const memory = createFakeMemory();
    const before = start(two, "total-tokens", memory);
    before.run(0, used(500));
    before.run(1, used(300));
    before.begin(1);
    const after = start(two, "total-tokens", memory);
    expect(after.pick()).toBe(0);
    before.end(1, used(100));
    expect(after.pick()).toBe(1);
    expect(after.about(1)).toEqual({ total_tokens: 400 });
  });

  it("keeps apart what was counted in another unit", () => {
    const memory = createFakeMemory();
    start(two, "total-tokens", memory).run(0, used(500));
    expect(start(two, "cost", memory).about(0)).toEqual({ cost_usd: 0 });
    expect(start(two, "total-tokens", memory).about(0)).toEqual({ total_tokens: 500 });
  });

  it("serves two targets of the same content in turn", () => {
    const { share } = start(createTargets([{ id: "same" }, { id: "same" }]));
    expect(share(10, () => used(100))).toEqual([5, 5]);
  });

  it("says what it went by", () => {
    const { pick, request } = start(two, "cost");
    pick();
    expect(request.decision).toMatchObject({
      reason: "balanced",
      detail: expect.stringContaining("least spent"),
    });
  });
});

describe("lowest-usage by llm-accuracy", () => {
  it("sends to the best on average, whatever the weights", () => {
    const { run, pick, about } = start(createTargets([{ weight: 9 }, {}]), "llm-accuracy");
    for (const accuracy of [60, 80]) run(0, judged(accuracy));
    for (const accuracy of [90, 60]) run(1, judged(accuracy));
    expect(pick()).toBe(1);
    expect([about(0), about(1)]).toEqual([{ llm_accuracy: 70 }, { llm_accuracy: 75 }]);
  });

  it("tries targets without a score first, one request at a time", () => {
    const { run, begin, pick } = start(three, "llm-accuracy");
    run(0, judged(100));
    expect(pick()).toBe(1);
    begin(1);
    expect(pick()).toBe(2);
    begin(2);
    expect(pick()).toBe(0);
  });

  it("shares by weight while nobody judges", () => {
    const { share } = start(createTargets([{ weight: 3 }, { weight: 1 }]), "llm-accuracy");
    expect(share(400, () => silent)).toEqual([300, 100]);
  });

  it("does not send everything to a target that nobody judges", () => {
    const { run, share } = start(two, "llm-accuracy");
    run(0, judged(80));
    const [known = 0] = share(200, (index) => (index === 0 ? judged(80) : silent));
    expect(known).toBeGreaterThanOrEqual(90);
  });

  it("takes a failure for the worst of answers, but not that of a wrong request, nor a client that leaves", () => {
    const { run, about } = start(two, "llm-accuracy");
    run(0, judged(99));
    run(0, { ...failed, failure: "http_400" });
    run(0, left);
    expect(about(0)).toEqual({ llm_accuracy: 99 });
    run(0, failed);
    expect(about(0)).toEqual({ llm_accuracy: 50 });
  });

  it("gives a target that began badly another chance when its scores have faded", () => {
    const { run, pick, pass } = start(two, "llm-accuracy");
    for (let count = 0; count < 100; count++) run(0, judged(80));
    run(1, judged(10));
    pass(halfLifeMs);
    expect(pick()).toBe(0);
    pass(1);
    expect(pick()).toBe(1);
  });
});

describe("lowest-usage over any course of events", () => {
  const numbers = fc.oneof(fc.nat(1e9), fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -5));
  const outcomes = fc.record({
    ok: fc.boolean(),
    latencyMs: fc.nat(1000),
    costUsd: numbers,
    accuracy: numbers,
    usage: fc.record({ inputTokens: numbers, outputTokens: numbers }),
  });
  const events = fc.array(
    fc.record({ target: fc.nat(2), begins: fc.boolean(), pause: fc.nat(1e6), outcome: outcomes }),
    { maxLength: 60 },
  );

  it("never counts what is not a number, and always chooses", () => {
    const strategies = fc.constantFrom("total-tokens" as const, "cost" as const, "llm-accuracy" as const);
    fc.assert(
      fc.property(events, strategies, (list, strategy) => {
        const { begin, end, pass, pick, about } = start(three, strategy);
        for (const { target, begins, pause, outcome } of list) {
          pass(pause);
          if (begins) begin(target);
          else end(target, outcome);
          expect(pick()).toBeGreaterThanOrEqual(0);
          for (const index of [0, 1, 2])
            for (const value of Object.values(about(index))) expect(value).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });
});
