/** How much goes to the fastest, at any rate and through noise, and how soon it is left and found again. */
import { lowestLatency } from "../../../src/balancer/algorithms/lowest-latency.ts";
import type { Random } from "../../../src/simulator/text/random.ts";
import { percentile } from "../../statistics.ts";
import { fadingAverage, lastSample, peakTimesLoad, plainAverage } from "../naive-adaptive.ts";
import { percent, type Scenario } from "../scenario.ts";
import { type Answer, type SimulatedTarget, type SimulationResult, simulate } from "../simulation.ts";
import { ours, type Side } from "../world.ts";

const sides = [ours(lowestLatency), lastSample, plainAverage, fadingAverage, peakTimesLoad];

export const lowestLatencyScenario: Scenario = {
  name: "lowest-latency",
  about:
    "*To the fastest*: its share, of three targets with medians of 1, 2 and 3 s (log-normal, σ 0.3, without any limit), at 0.1, 1, 10 and 100 requests a second, and at 10 with σ 0.8. " +
    "*Room for 10*: two of 1 s and one of 2 s, each with room for ten at once, 15 and 22 arriving of the 25 a second that they are good for together: p99. " +
    "*Ill*: the faster of two (1 and 2 s), 10 a second, is for 100 of 300 s ten times slower (p99), or fails at once (failed requests, without failover); " +
    "*found again*: its share afterwards, 10 s after its 100 s are over.",
  run(seed) {
    return {
      heads: [
        ...["side", "to the fastest: 0.1/s", "1/s", "10/s", "100/s", "σ 0.8"],
        ...["room for 10: 15/s p99 ms", "22/s p99 ms", "ill: slow p99 ms", "failed", "found again"],
      ],
      rows: sides.map((side) => [
        side.name,
        ...steady(side, seed),
        ...crowded(side, seed),
        ...ill(side, seed),
      ]),
    };
  },
};

function steady(side: Side, seed: number): readonly string[] {
  const share = (ratePerSecond: number, spread: number) => {
    const targets = [1000, 2000, 3000].map((medianMs) => target(medianMs, spread));
    return percent(shareOfFirst(simulate(side, { targets, ratePerSecond, requests: 20_000, seed })));
  };
  return [share(0.1, 0.3), share(1, 0.3), share(10, 0.3), share(100, 0.3), share(10, 0.8)];
}

function crowded(side: Side, seed: number): readonly string[] {
  const targets = [1000, 1000, 2000].map((medianMs) => ({ ...target(medianMs, 0.3), parallel: 10 }));
  return [15, 22].map((ratePerSecond) =>
    tail(simulate(side, { targets, ratePerSecond, requests: 10_000, seed })),
  );
}

const illUntilMs = 200_000;

function ill(side: Side, seed: number): readonly string[] {
  const run = (illness: Partial<Answer> | undefined, warmUp: number) => {
    const isIll = (nowMs: number) => nowMs > 100_000 && nowMs < illUntilMs;
    const healthy = target(1000, 0.3);
    const sick: SimulatedTarget = {
      ...healthy,
      answer(random, nowMs) {
        const well = healthy.answer(random, nowMs);
        if (!isIll(nowMs)) return well;
        return { ...well, serviceMs: well.serviceMs * 10, ...illness };
      },
    };
    return simulate(side, {
      targets: [sick, target(2000, 0.3)],
      ...{ ratePerSecond: 10, requests: 3000, warmUp, seed },
    });
  };
  const failing = run({ serviceMs: 20, outcome: { ok: false, failure: "http_500" } }, 0);
  return [
    tail(run(undefined, 0)),
    percent(failing.failed / failing.latenciesMs.length),
    percent(shareOfFirst(run(undefined, (illUntilMs / 1000 + 10) * 10))),
  ];
}

function target(medianMs: number, spread: number): SimulatedTarget {
  return {
    weight: 1,
    parallel: Number.POSITIVE_INFINITY,
    answer: (random) => ({ serviceMs: medianMs * Math.exp(spread * normal(random)) }),
  };
}

/** Box and Muller. */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

function shareOfFirst({ counts, latenciesMs }: SimulationResult): number {
  return (counts[0] ?? 0) / latenciesMs.length;
}

function tail({ latenciesMs }: SimulationResult): string {
  return percentile(latenciesMs, 0.99).toFixed(0);
}
