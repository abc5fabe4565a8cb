/** What every algorithm must do; each member's test calls this with a way to make one. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  createBalanceRequest,
  createBalancerServices,
  createTargets,
  createTrialRequest,
  defaultSettings,
} from "../../test/support/balancing.ts";
import { seededRandom } from "../simulator/text/random.ts";
import type {
  BalanceRequest,
  Balancer,
  BalancerServices,
  BalancerSettings,
  Outcome,
  Target,
} from "./balancer.ts";

/** What the contract wants the balancer to be given; a member that cannot take it leaves it. */
export interface BalancerWorld {
  readonly settings: BalancerSettings;
  readonly services: BalancerServices;
}

export interface BalancerMember {
  /** A started balancer for these targets, with settings under which each of them may be chosen. */
  create(targets: readonly Target[], world: BalancerWorld): Balancer | Promise<Balancer>;
  /** What of a target this algorithm looks at; default: nothing but its weight. */
  readonly facts?: (index: number) => Partial<Target>;
}

const weights = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 });

/** A list of targets, which of them are healthy for each pick of a run, and a seed for the prompts. */
const runs = weights.chain((list) =>
  fc.record({
    weights: fc.constant(list),
    healthy: fc.array(fc.array(fc.boolean(), { minLength: list.length, maxLength: list.length }), {
      minLength: 1,
      maxLength: 20,
    }),
  }),
);

const outcomes: fc.Arbitrary<Outcome> = fc.oneof(
  fc.record({
    ok: fc.constant(true),
    latencyMs: fc.double({ min: 0, max: 1e6, noNaN: true }),
    usage: fc.record({ inputTokens: fc.nat(9000), outputTokens: fc.nat(9000) }),
    costUsd: fc.double({ min: 0, max: 10, noNaN: true }),
  }),
  fc.record({ ok: fc.constant(true), latencyMs: fc.nat(100_000) }),
  fc.record({
    ok: fc.constant(false),
    failure: fc.constantFrom("error", "timeout", "invalid_header", "http_429", "unusable", "stream"),
    latencyMs: fc.nat(100_000),
    retryAfterMs: fc.nat(100_000),
  }),
  fc.record({ ok: fc.constant(false), aborted: fc.constant(true), latencyMs: fc.nat(100_000) }),
);

/** Attempts in any order: each step begins one, or ends the one that has been under way longest; time goes on between. */
const steps = fc.array(
  fc.record({ begins: fc.boolean(), outcome: outcomes, waitMs: fc.nat(60_000), leftOut: fc.nat(8) }),
  { minLength: 1, maxLength: 60 },
);

const settingsOfAll: readonly Partial<BalancerSettings>[] = [
  {},
  { slots: 10, hashOnHeader: "x-id", latencyStrategy: "e2e", tokensCountStrategy: "prompt-tokens" },
  { slots: 65_536, usageHalfLifeMs: 1000, tokensCountStrategy: "completion-tokens" },
  { connectTimeoutMs: 1, readTimeoutMs: 1, tokensCountStrategy: "llm-accuracy" },
];

function worldWith(
  settings: Partial<BalancerSettings> = {},
  services: Partial<BalancerServices> = {},
): BalancerWorld {
  return { settings: { ...defaultSettings, ...settings }, services: createBalancerServices(services) };
}

export function describeBalancer(name: string, member: BalancerMember): void {
  const targetsFor = (list: readonly number[]) =>
    createTargets(list.map((weight, index) => ({ ...member.facts?.(index), weight })));

  async function ask(
    balancer: Balancer,
    candidates: readonly Target[],
    create: typeof createBalanceRequest = createBalanceRequest,
  ): Promise<BalanceRequest> {
    const request = create(["what now", "before"], { headers: { "x-id": "1" } });
    await balancer.prepare?.(candidates, request);
    return request;
  }

  async function tryOut(balancer: Balancer, candidates: readonly Target[]): Promise<Target | undefined> {
    return balancer.pick(candidates, await ask(balancer, candidates, createTrialRequest));
  }

  describe(`${name} as a balancing algorithm`, () => {
    it("chooses nothing from nothing, and goes on working", async () => {
      const targets = targetsFor([1, 2]);
      const balancer = await member.create(targets, worldWith());
      expect(balancer.pick([], await ask(balancer, []))).toBeUndefined();
      expect(balancer.pick([], await ask(balancer, targets))).toBeUndefined();
      expect(targets).toContain(balancer.pick(targets, await ask(balancer, targets)));
      balancer.close?.();
    });

    it("chooses one of the candidates, whichever are healthy, and never another", async () => {
      await fc.assert(
        fc.asyncProperty(runs, async (run) => {
          const targets = targetsFor(run.weights);
          const balancer = await member.create(targets, worldWith());
          for (const healthy of run.healthy) {
            const candidates = targets.filter((_, index) => healthy[index]);
            const picked = balancer.pick(candidates, await ask(balancer, targets));
            if (candidates.length === 0) expect(picked).toBeUndefined();
            else expect(candidates).toContain(picked);
          }
          balancer.close?.();
        }),
        { numRuns: 50 },
      );
    });

    it("reaches every target, once each, when those that were tried are left out", async () => {
      await fc.assert(
        fc.asyncProperty(weights, async (list) => {
          const targets = targetsFor(list);
          const balancer = await member.create(targets, worldWith());
          const request = await ask(balancer, targets);
          const reached = new Set<Target>();
          for (let round = 0; round < targets.length; round++) {
            const picked = balancer.pick(
              targets.filter((target) => !reached.has(target)),
              request,
            );
            if (picked !== undefined) reached.add(picked);
          }
          expect(reached).toEqual(new Set(targets));
          balancer.close?.();
        }),
        { numRuns: 50 },
      );
    });

    it("takes outcomes of targets that it has and has not chosen", async () => {
      const targets = targetsFor([1, 3, 2]);
      const balancer = await member.create(targets, worldWith());
      for (const target of targets) {
        balancer.observe?.(target, { ok: true, latencyMs: 12, usage: { inputTokens: 3, outputTokens: 4 } });
        balancer.observe?.(target, { ok: false, latencyMs: 0 });
      }
      expect(targets).toContain(balancer.pick(targets, await ask(balancer, targets)));
      balancer.close?.();
    });

    it("changes neither the candidates nor the targets it is given", async () => {
      const targets = Object.freeze([...targetsFor([3, 1, 2])]); // the targets are frozen themselves
      const copy = JSON.stringify(targets);
      const balancer = await member.create(targets, worldWith());
      for (let round = 0; round < 10; round++) balancer.pick(targets, await ask(balancer, targets));
      expect(JSON.stringify(targets)).toBe(copy);
      balancer.close?.();
    });

    it("says why, with every choice", async () => {
      const targets = targetsFor([1, 1]);
      const balancer = await member.create(targets, worldWith());
      const request = await ask(balancer, targets);
      balancer.pick(targets, request);
      expect(request.decision?.reason).toMatch(/^(?:matched|catchall|fallback|balanced|only)$/);
      balancer.close?.();
    });

    it("takes attempts that begin and end in any order, however they end, under all settings", async () => {
      await fc.assert(
        fc.asyncProperty(weights, steps, fc.constantFrom(...settingsOfAll), async (list, run, settings) => {
          const targets = targetsFor(list);
          let now = 0;
          const balancer = await member.create(targets, worldWith(settings, { now: () => now }));
          for await (const { candidates, target } of play(balancer, targets, run, (ms) => (now += ms)))
            expect(candidates).toContain(target);
          for (const target of targets) expectFiniteScores(balancer, target);
          balancer.close?.();
        }),
        { numRuns: 50 },
      );
    });

    it("lets an attempt that began before a reload end after it, on either side", async () => {
      const world = worldWith();
      const targets = targetsFor([1, 3, 2]);
      const again = targets.map((target) => Object.freeze({ ...target }));
      const old = await member.create(targets, world);
      const request = await ask(old, targets);
      for (const target of targets) old.started?.(target, request);
      const reloaded = await member.create(again, world);
      old.close?.();
      for (const target of targets) old.observe?.(target, { ok: true, latencyMs: 5 });
      expect(again).toContain(reloaded.pick(again, await ask(reloaded, again)));
      for (const target of again) expectFiniteScores(reloaded, target);
      reloaded.close?.();
    });

    it("chooses the same again for the same attempts, the same time and the same chance", async () => {
      await fc.assert(
        fc.asyncProperty(weights, steps, fc.nat(), async (list, run, seed) => {
          const names: string[] = [];
          for (let turn = 0; turn < 2; turn++) {
            const targets = targetsFor(list);
            let now = 0;
            const services = { now: () => now, random: seededRandom(seed) };
            const balancer = await member.create(targets, worldWith({}, services));
            const picks: string[] = [];
            for await (const { target } of play(balancer, targets, run, (ms) => (now += ms)))
              picks.push(target?.id ?? "none");
            names.push(picks.join());
            balancer.close?.();
          }
          expect(names[1]).toBe(names[0]);
        }),
        { numRuns: 30 },
      );
    });

    it("remembers nothing of trials: with any number of them in between it chooses as without", async () => {
      await fc.assert(
        fc.asyncProperty(
          weights,
          steps,
          fc.constantFrom(...settingsOfAll),
          fc.nat(),
          async (list, run, settings, seed) => {
            const targets = targetsFor(list);
            const choices = async (look: (balancer: Balancer) => Promise<unknown>) => {
              let now = 0;
              const services = { now: () => now, random: seededRandom(seed) };
              const balancer = await member.create(targets, worldWith(settings, services));
              const picks: unknown[] = [];
              const pass = async (ms: number) => {
                now += ms / 2;
                await look(balancer);
                now += ms / 2;
                await look(balancer);
              };
              for await (const { target } of play(balancer, targets, run, pass)) picks.push(target?.id);
              balancer.close?.();
              return picks;
            };
            const undisturbed = await choices(async () => undefined);
            const disturbed = await choices(async (balancer) => {
              await tryOut(balancer, targets);
              await tryOut(balancer, without(targets, run.length % 9));
            });
            expect(disturbed).toEqual(undisturbed);
          },
        ),
        { numRuns: 50 },
      );
    });

    it("tells by a trial what the next request would get, however often it is asked", async () => {
      await fc.assert(
        fc.asyncProperty(weights, steps, async (list, run) => {
          const targets = targetsFor(list);
          let now = 0;
          const settings = { hashOnHeader: "x-id" }; // a request that is placed by chance cannot be foretold
          const balancer = await member.create(targets, worldWith(settings, { now: () => now }));
          const foretold: (Target | undefined)[][] = [];
          const foretell = async (candidates: readonly Target[]) => {
            foretold.push([await tryOut(balancer, candidates), await tryOut(balancer, candidates)]);
          };
          for await (const { target } of play(balancer, targets, run, (ms) => (now += ms), foretell))
            expect(foretold.at(-1)).toEqual([target, target]);
          balancer.close?.();
        }),
        { numRuns: 50 },
      );
    });

    it("keeps what another has decided about the request", async () => {
      const targets = targetsFor([1, 2]);
      const balancer = await member.create(targets, worldWith());
      const request = await ask(balancer, targets);
      const decision = request.decision ?? ({ reason: "matched", groups: [] } as const);
      request.decision = decision;
      balancer.pick(targets, request);
      expect(request.decision).toBe(decision);
      balancer.close?.();
    });
  });

  interface Attempt {
    readonly candidates: readonly Target[];
    readonly target: Target | undefined;
  }

  /**
   * Plays the steps as the pool would: what was picked begins at once, and each that has begun ends exactly once.
   * `look` comes right before each pick, with its candidates.
   */
  async function* play(
    balancer: Balancer,
    targets: readonly Target[],
    run: readonly { begins: boolean; outcome: Outcome; waitMs: number; leftOut: number }[],
    pass: (ms: number) => unknown,
    look: (candidates: readonly Target[]) => Promise<void> = async () => undefined,
  ): AsyncGenerator<Attempt> {
    const underWay: Target[] = [];
    for (const { begins, outcome, waitMs, leftOut } of run) {
      await pass(waitMs);
      const ending = begins ? undefined : underWay.shift();
      if (ending !== undefined) {
        balancer.observe?.(ending, outcome);
        continue;
      }
      const candidates = without(targets, leftOut);
      await look(candidates);
      const request = await ask(balancer, targets);
      const target = balancer.pick(candidates, request);
      if (target !== undefined) {
        balancer.started?.(target, request);
        underWay.push(target);
      }
      yield { candidates, target };
    }
    for (const target of underWay) balancer.observe?.(target, { ok: false, aborted: true, latencyMs: 1 });
  }
}

/** All but one; all where that would leave none. */
function without(targets: readonly Target[], index: number): readonly Target[] {
  return targets.length === 1 ? targets : targets.filter((_, each) => each !== index);
}

function expectFiniteScores(balancer: Balancer, target: Target): void {
  for (const [score, value] of Object.entries(balancer.describeTarget?.(target) ?? {}))
    expect(Number.isFinite(value), `${score} of ${target.name} is ${value}`).toBe(true);
}
