/** What every algorithm must do; each member's test calls this with a way to make one. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createBalanceRequest, createTargets } from "../../test/support/balancing.ts";
import type { BalanceRequest, Balancer, Target } from "./balancer.ts";

export interface BalancerMember {
  /** A started balancer for these targets, with settings under which each of them may be chosen. */
  create(targets: readonly Target[]): Balancer | Promise<Balancer>;
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

export function describeBalancer(name: string, member: BalancerMember): void {
  const targetsFor = (list: readonly number[]) =>
    createTargets(list.map((weight, index) => ({ ...member.facts?.(index), weight })));

  async function ask(balancer: Balancer, candidates: readonly Target[]): Promise<BalanceRequest> {
    const request = createBalanceRequest(["what now", "before"], { headers: { "x-id": "1" } });
    await balancer.prepare?.(candidates, request);
    return request;
  }

  describe(`${name} as a balancing algorithm`, () => {
    it("chooses nothing from nothing, and goes on working", async () => {
      const targets = targetsFor([1, 2]);
      const balancer = await member.create(targets);
      expect(balancer.pick([], await ask(balancer, []))).toBeUndefined();
      expect(balancer.pick([], await ask(balancer, targets))).toBeUndefined();
      expect(targets).toContain(balancer.pick(targets, await ask(balancer, targets)));
      balancer.close?.();
    });

    it("chooses one of the candidates, whichever are healthy, and never another", async () => {
      await fc.assert(
        fc.asyncProperty(runs, async (run) => {
          const targets = targetsFor(run.weights);
          const balancer = await member.create(targets);
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
          const balancer = await member.create(targets);
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
      const balancer = await member.create(targets);
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
      const balancer = await member.create(targets);
      for (let round = 0; round < 10; round++) balancer.pick(targets, await ask(balancer, targets));
      expect(JSON.stringify(targets)).toBe(copy);
      balancer.close?.();
    });

    it("says why, with every choice", async () => {
      const targets = targetsFor([1, 1]);
      const balancer = await member.create(targets);
      const request = await ask(balancer, targets);
      balancer.pick(targets, request);
      expect(request.decision?.reason).toMatch(/^(?:matched|catchall|fallback|balanced|only)$/);
      balancer.close?.();
    });
  });
}
