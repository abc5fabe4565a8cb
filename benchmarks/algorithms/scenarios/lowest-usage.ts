/** How exactly what is used is shared, what becomes of a rush, and what of a target that returns or fails. */
import { lowestUsage } from "../../../src/balancer/algorithms/lowest-usage.ts";
import { roundRobin } from "../../../src/balancer/algorithms/round-robin.ts";
import { percentile } from "../../statistics.ts";
import { plainUsage } from "../naive-adaptive.ts";
import { percent, type Scenario, shareError } from "../scenario.ts";
import { exponential, type SimulatedTarget, simulate } from "../simulation.ts";
import { ours, type Side } from "../world.ts";

const settings = { usageHalfLifeMs: 60_000 };
const sides = [ours(lowestUsage, settings), plainUsage, ours(roundRobin, {}, "round-robin")];

export const lowestUsageScenario: Scenario = {
  name: "lowest-usage",
  about:
    "*Share error*: of the tokens, weights 6, 3 and 1, answers of 200, 800 and 400 tokens on average (exponentially spread), 20 a second, a second each. " +
    "*Rush*: two targets with room for 60, answers of 5 s, 20 a second: p99, of which 5 s is the answer itself. " +
    "*Returns*: share of a target that was away for ten minutes in the ten minutes that follow; an even share is 50 %. " +
    "*Fails*: share of the requests that fail where one of two targets fails every time, without failover; an even share is 50 %. Half-life one minute.",
  run(seed) {
    return {
      heads: ["side", "share error", "rush: p99 ms", "returns", "fails"],
      rows: sides.map((side) => [
        side.name,
        percent(tokenShareError(side, seed)),
        rush(side, seed),
        percent(returning(side, seed)),
        percent(failing(side, seed)),
      ]),
    };
  },
};

function tokenShareError(side: Side, seed: number): number {
  const weights = [6, 3, 1];
  const used = weights.map(() => 0);
  const targets = weights.map((weight, index): SimulatedTarget => {
    const mean = [200, 800, 400][index] ?? 0;
    return {
      ...target,
      weight,
      answer(random) {
        const outputTokens = Math.ceil(exponential(random, mean));
        used[index] = (used[index] ?? 0) + outputTokens;
        return { serviceMs: 1000, outcome: { usage: { inputTokens: 0, outputTokens } } };
      },
    };
  });
  simulate(side, { targets, ratePerSecond: 20, requests: 50_000, seed });
  return shareError(used, weights);
}

function rush(side: Side, seed: number): string {
  const own: SimulatedTarget = {
    ...target,
    parallel: 60,
    answer: () => ({ serviceMs: 5000, outcome: { usage } }),
  };
  const { latenciesMs } = simulate(side, { targets: [own, own], ratePerSecond: 20, requests: 20_000, seed });
  return percentile(latenciesMs, 0.99).toFixed(0);
}

function returning(side: Side, seed: number): number {
  const away: SimulatedTarget = { ...target, isUp: (nowMs) => nowMs < 600_000 || nowMs > 1_200_000 };
  const { counts, latenciesMs } = simulate(side, {
    targets: [away, target],
    ...{ ratePerSecond: 10, requests: 18_000, warmUp: 12_000, seed },
  });
  return (counts[0] ?? 0) / latenciesMs.length;
}

function failing(side: Side, seed: number): number {
  const broken: SimulatedTarget = {
    ...target,
    answer: () => ({ serviceMs: 20, outcome: { ok: false, failure: "http_500" } }),
  };
  const { failed, latenciesMs } = simulate(side, {
    targets: [broken, target],
    ...{ ratePerSecond: 10, requests: 10_000, seed },
  });
  return failed / latenciesMs.length;
}

const usage = { inputTokens: 100, outputTokens: 100 };

const target: SimulatedTarget = {
  weight: 1,
  parallel: Number.POSITIVE_INFINITY,
  answer: () => ({ serviceMs: 1000, outcome: { usage } }),
};
