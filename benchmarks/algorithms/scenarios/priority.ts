/** Where traffic goes while targets of the highest priority fail and come back. */
import { priority } from "../../../src/balancer/algorithms/priority.ts";
import { roundRobin } from "../../../src/balancer/algorithms/round-robin.ts";
import { firstOfHeaviest } from "../naive.ts";
import { latencyCells, percent, type Scenario } from "../scenario.ts";
import { exponential, type SimulatedTarget, simulate } from "../simulation.ts";
import { ours } from "../world.ts";

export const priorityScenario: Scenario = {
  name: "priority",
  about:
    "Priorities 70, 70, 25, each with room for 10 requests of half a second (exponential), 16 a second. Of each minute both of the first " +
    "priority are up for 40 s, one for 10 s, none for 10 s. Ideal: the lower priority gets a sixth, for the time in which it is alone, " +
    "the first a half and the second a third.",
  run(seed) {
    const sides = [ours(priority), firstOfHeaviest, ours(roundRobin, {}, "round-robin by these weights")];
    return {
      heads: ["side", "first", "second", "lower priority", "p50 ms", "p99 ms"],
      rows: sides.map((side) => {
        const result = simulate(side, { targets, ratePerSecond: 16, requests: 100_000, seed });
        const shares = result.counts.map((count) => percent(count / result.latenciesMs.length));
        return [side.name, ...shares, ...latencyCells(result)];
      }),
    };
  },
};

const cycleMs = 60_000;

/** 16 a second are 8 at work on average: near what one target has room for, so that leaving the other idle shows. */
const targets: readonly SimulatedTarget[] = [
  { ...target(70), isUp: (nowMs) => nowMs % cycleMs < 50_000 },
  { ...target(70), isUp: (nowMs) => nowMs % cycleMs < 40_000 },
  target(25),
];

function target(weight: number): SimulatedTarget {
  return { weight, parallel: 10, answer: (random) => ({ serviceMs: exponential(random, 500) }) };
}
