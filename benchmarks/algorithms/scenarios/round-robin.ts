/** Shares and bunching of taking turns. */
import { roundRobin } from "../../../src/balancer/algorithms/round-robin.ts";
import { blockwiseTurns, weightedRandom } from "../naive.ts";
import { latencyCells, percent, type Scenario, shareError } from "../scenario.ts";
import { simulate } from "../simulation.ts";
import { ours } from "../world.ts";

const weights = [70, 25, 5];

export const roundRobinScenario: Scenario = {
  name: "round-robin",
  about:
    "Weights 70, 25, 5, and targets with room for 7, 3 and 1 requests at once; answers take one second; 8.3 a second (three quarters of the room). " +
    "*Share error*: the largest difference from the share of the weight, over 20 requests and over 100,000.",
  run(seed) {
    const simulation = {
      targets: weights.map((weight) => ({
        weight,
        parallel: Math.ceil(weight / 10),
        answer: () => ({ serviceMs: 1000 }),
      })),
      ratePerSecond: 8.3,
      seed,
    };
    return {
      heads: ["side", "share error, 20", "share error, 100,000", "p50 ms", "p99 ms"],
      rows: [ours(roundRobin), blockwiseTurns, weightedRandom].map((side) => {
        const short = simulate(side, { ...simulation, requests: 120, warmUp: 100 });
        const long = simulate(side, { ...simulation, requests: 110_000, warmUp: 10_000 });
        return [
          side.name,
          percent(shareError(short.counts, weights)),
          percent(shareError(long.counts, weights)),
          ...latencyCells(long),
        ];
      }),
    };
  },
};
