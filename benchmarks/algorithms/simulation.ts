/**
 * Requests, a balancer and targets in virtual time: each target serves so many requests at once and lets the others wait
 * in line. No I/O and no real clock, so that the same seed gives the same figures on every machine.
 */
import type { Outcome, Target } from "../../src/balancer/balancer.ts";
import { type Random, seededRandom } from "../../src/simulator/text/random.ts";
import { Samples } from "../statistics.ts";
import { createEventQueue } from "./event-queue.ts";
import { createProcesses, type Processes } from "./processes.ts";
import { requestWith, type Side, targetOf } from "./world.ts";

export interface SimulatedTarget {
  readonly weight: number;
  /** What else the algorithm may see of it. */
  readonly facts?: Partial<Target>;
  /** How many requests it works on at a time; more wait in line. */
  readonly parallel: number;
  /** One answer: how long the work takes once it begins, and how it ends (default: well). */
  readonly answer: (random: Random, nowMs: number) => Answer;
  /** Whether the pool lets it be picked now; default: always. */
  readonly isUp?: (nowMs: number) => boolean;
}

export interface Answer {
  readonly serviceMs: number;
  readonly outcome?: Partial<Outcome>;
}

export interface Simulation {
  readonly targets: readonly SimulatedTarget[];
  /** Poisson arrivals, so many in a second on average. */
  readonly ratePerSecond: number;
  readonly requests: number;
  /** Requests at the start that are not counted, so that the state is that of a running gateway; default: a tenth. */
  readonly warmUp?: number;
  readonly seed: number;
  /** The value of the hashed header; default: none. */
  readonly key?: (random: Random) => string;
  /** Processes that get the requests in turn; default: one. */
  readonly processes?: Processes;
}

export interface SimulationResult {
  /** Counted requests that each target got, in the order of the targets. */
  readonly counts: readonly number[];
  /** From arrival to end, waiting included, ascending. */
  readonly latenciesMs: Float64Array;
  /** Counted requests whose outcome was a failure. */
  readonly failed: number;
  /** Counted requests for which nothing was picked. */
  readonly refused: number;
}

/** Runs one side through it. */
export function simulate(side: Side, simulation: Simulation): SimulationResult {
  const queue = createEventQueue();
  // Streams of their own, so that all sides see the same arrivals whatever they draw themselves.
  const arrivals = seededRandom(simulation.seed);
  const work = seededRandom(simulation.seed + 1);
  const servers = simulation.targets.map((own, index) => createServer(own, index, queue.after));
  const targets = servers.map(({ target }) => target);
  const { count = 1, newsMs } = simulation.processes ?? {};
  const { processes, exchange } = createProcesses(count, targets);
  const balancers = processes.map(({ memory }, index) =>
    side.create({ targets, now: queue.now, random: seededRandom(simulation.seed + 2 + index), memory }),
  );
  let arrived = 0;
  const warmUp = simulation.warmUp ?? Math.floor(simulation.requests / 10);
  const latencies = new Samples();
  const counts = targets.map(() => 0);
  let failed = 0;
  let refused = 0;

  function arrive(number: number): void {
    if (number + 1 < simulation.requests) {
      queue.after(exponential(arrivals, 1000 / simulation.ratePerSecond), () => arrive(number + 1));
    }
    arrived = number + 1;
    const isCounted = number >= warmUp;
    const balancer = balancers[number % count];
    if (balancer === undefined) throw new Error("there is no process");
    const request = requestWith(simulation.key?.(arrivals));
    const up = servers.filter(({ own }) => own.isUp?.(queue.now()) ?? true);
    const picked = balancer.pick(
      up.map(({ target }) => target),
      request,
    );
    const server = picked === undefined ? undefined : servers[picked.index];
    if (server === undefined) {
      if (isCounted) refused++;
      return;
    }
    if (isCounted) counts[server.target.index] = (counts[server.target.index] ?? 0) + 1;
    balancer.started?.(server.target, request);
    const startedAt = queue.now();
    const answer = server.own.answer(work, startedAt);
    server.serve(answer.serviceMs, () => {
      const outcome = { ok: true, latencyMs: queue.now() - startedAt, ...answer.outcome };
      balancer.observe?.(server.target, outcome);
      if (!isCounted) return;
      latencies.add(outcome.latencyMs);
      if (!outcome.ok) failed++;
    });
  }

  function hear(delayMs: number): void {
    exchange(delayMs);
    if (arrived < simulation.requests) queue.after(delayMs, () => hear(delayMs));
  }

  queue.after(0, () => arrive(0));
  if (newsMs !== undefined) queue.after(newsMs, () => hear(newsMs));
  queue.runAll();
  for (const balancer of balancers) balancer.close?.();
  return { counts, latenciesMs: latencies.sorted(), failed, refused };
}

/** A value of the exponential distribution: gaps between independent arrivals, and work of very uneven length. */
export function exponential(random: Random, mean: number): number {
  return -mean * Math.log(1 - random());
}

function createServer(
  own: SimulatedTarget,
  index: number,
  after: (delayMs: number, run: () => void) => void,
) {
  const line: (() => void)[] = [];
  let busy = 0;

  function begin(serviceMs: number, done: () => void): void {
    busy++;
    after(serviceMs, () => {
      busy--;
      line.shift()?.();
      done();
    });
  }

  return {
    own,
    target: targetOf(index, own.weight, own.facts),
    serve(serviceMs: number, done: () => void): void {
      if (busy < own.parallel) begin(serviceMs, done);
      else line.push(() => begin(serviceMs, done));
    },
  };
}
