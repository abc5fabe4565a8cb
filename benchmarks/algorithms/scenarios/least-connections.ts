/** Tail latency where answers take very uneven times and one target is slow. */
import { leastConnections } from "../../../src/balancer/algorithms/least-connections.ts";
import { roundRobin } from "../../../src/balancer/algorithms/round-robin.ts";
import { plainLeastInFlight, weightedRandom } from "../naive.ts";
import { latencyCells, percent, type Scenario } from "../scenario.ts";
import { exponential, type SimulatedTarget, simulate } from "../simulation.ts";
import { ours } from "../world.ts";

/** Room for so many at once; the weights say so to those who look at them. */
const rooms = [32, 16, 8];
const meanMs = 1000;

export const leastConnectionsScenario: Scenario = {
  name: "least-connections",
  about:
    "Room for 32, 16 and 8 requests at once, weights alike; answers take a second on average, exponentially spread; 42 a second (75 % of the room). " +
    "Then the largest target *at half speed*, all together good for 40 a second, and 32 arriving. *To the slow one*: its share of the requests; " +
    "it is good for 40 %, and its own 99th percentile is 9,200 ms without any waiting.",
  run(seed) {
    const sides = [
      ours(leastConnections),
      plainLeastInFlight,
      ours(roundRobin, {}, "round-robin"),
      weightedRandom,
    ];
    return {
      heads: [
        "side",
        "evenly fast: p50 ms",
        "p99 ms",
        "one at half speed: p50 ms",
        "p99 ms",
        "to the slow one",
      ],
      rows: sides.map((side) => {
        const even = simulate(side, { ...load, targets: targetsWith(1), ratePerSecond: 42, seed });
        const slow = simulate(side, { ...load, targets: targetsWith(2), ratePerSecond: 32, seed });
        const share = (slow.counts[0] ?? 0) / slow.latenciesMs.length;
        return [side.name, ...latencyCells(even), ...latencyCells(slow), percent(share)];
      }),
    };
  },
};

const load = { requests: 100_000 };

/** The first takes so many times as long as the others. */
function targetsWith(slowness: number): readonly SimulatedTarget[] {
  return rooms.map((room, index) => ({
    weight: room,
    parallel: room,
    answer: (random) => ({ serviceMs: exponential(random, meanMs) * (index === 0 ? slowness : 1) }),
  }));
}
