/** How near several processes come to one, by how often they hear of each other. */
import { leastConnections } from "../../../src/balancer/algorithms/least-connections.ts";
import { lowestUsage } from "../../../src/balancer/algorithms/lowest-usage.ts";
import { createTargetPool } from "../../../src/balancer/pool.ts";
import { createEventQueue } from "../event-queue.ts";
import { createProcesses, type Processes } from "../processes.ts";
import { latencyCells, percent, type Scenario, shareError } from "../scenario.ts";
import { exponential, type SimulatedTarget, simulate } from "../simulation.ts";
import { log, ours, requestWith, targetOf } from "../world.ts";

/** As often as workers, and gateways with a server between them, hear of each other. */
const sides: readonly (readonly [string, Processes])[] = [
  ["one process", { count: 1 }],
  ["4 workers", { count: 4, newsMs: 20 }],
  ["4 gateways", { count: 4, newsMs: 200 }],
  ["4 on their own", { count: 4 }],
  ["16 workers", { count: 16, newsMs: 20 }],
  ["16 gateways", { count: 16, newsMs: 200 }],
  ["16 on their own", { count: 16 }],
];

export const processesScenario: Scenario = {
  name: "processes",
  about:
    "Requests dealt in turn to processes that hear of each other every 20 ms (*workers*), every 200 ms (*gateways*), or never. " +
    "*least-connections*: room for 32, 16 and 8 requests at once, weights alike, answers of a second on average, 50 a second (89 % of the room). " +
    "*lowest-usage*: share error of the tokens, weights 6, 3 and 1, answers of 200, 800 and 400 tokens, 4 a second, half-life 10 s. " +
    "*A dead target*: of two, `max_fails` 5, `fail_timeout` 10 s, 50 requests a second for 60 s, each of which would go there first; its failures take 50 ms. " +
    "One breaker lets 5 and then one every 10 s through, and what is on its way when it opens.",
  run(seed) {
    return {
      heads: [
        "side",
        "least-connections: p50 ms",
        "p99 ms",
        "lowest-usage: share error",
        "a dead target: requests to it",
      ],
      rows: sides.map(([name, processes]) => [
        name,
        ...latencyCells(crowded(processes, seed)),
        percent(tokenShareError(processes, seed)),
        String(requestsToDead(processes)),
      ]),
    };
  },
};

function crowded(processes: Processes, seed: number) {
  const targets = [32, 16, 8].map(
    (room): SimulatedTarget => ({
      weight: room,
      parallel: room,
      answer: (random) => ({ serviceMs: exponential(random, 1000) }),
    }),
  );
  return simulate(ours(leastConnections), { targets, ratePerSecond: 50, requests: 20_000, seed, processes });
}

function tokenShareError(processes: Processes, seed: number): number {
  const weights = [6, 3, 1];
  const used = weights.map(() => 0);
  const targets = weights.map((weight, index): SimulatedTarget => {
    const mean = [200, 800, 400][index] ?? 0;
    return {
      weight,
      parallel: Number.POSITIVE_INFINITY,
      answer(random) {
        const outputTokens = Math.ceil(exponential(random, mean));
        used[index] = (used[index] ?? 0) + outputTokens;
        return { serviceMs: 1000, outcome: { usage: { inputTokens: 0, outputTokens } } };
      },
    };
  });
  const side = ours(lowestUsage, { usageHalfLifeMs: 10_000 });
  simulate(side, { targets, ratePerSecond: 4, requests: 5_000, seed, processes });
  return shareError(used, weights);
}

const outageMs = 60_000;
const everyMs = 20;
const failureMs = 50;

function requestsToDead({ count, newsMs }: Processes): number {
  const queue = createEventQueue();
  const targets = [targetOf(0, 1), targetOf(1, 1)];
  const { processes, exchange } = createProcesses(count, targets);
  const pools = processes.map(({ memory }) =>
    createTargetPool(
      { pick: (candidates) => candidates.find(({ index }) => index === 0) ?? candidates[0] },
      targets,
      { maxFails: 5, failTimeoutMs: 10_000, countedStatuses: new Set() },
      { now: queue.now, random: () => 0, schedule: () => () => undefined, log, memory },
    ),
  );
  let toDead = 0;

  function arrive(number: number): void {
    if (queue.now() >= outageMs) return;
    const lease = pools[number % count]?.open(targets, requestWith(undefined)).next();
    if (lease?.target.index === 0) {
      toDead++;
      queue.after(failureMs, () => lease.end({ ok: false, failure: "timeout", latencyMs: failureMs }));
    } else lease?.end({ ok: true, latencyMs: 1 });
    queue.after(everyMs, () => arrive(number + 1));
  }

  function hear(delayMs: number): void {
    exchange(delayMs);
    if (queue.now() < outageMs) queue.after(delayMs, () => hear(delayMs));
  }

  queue.after(1, () => arrive(0)); // a failure at the beginning of time would count as none
  if (newsMs !== undefined) queue.after(newsMs, () => hear(newsMs));
  queue.runAll();
  for (const pool of pools) pool.close();
  return toDead;
}
