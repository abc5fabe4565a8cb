/** Pools of targets for tests, and what was asked of their algorithm. */
import type { Balancer, Outcome, Target } from "../../src/balancer/balancer.ts";
import {
  type Attempts,
  createTargetPool,
  type Lease,
  type TargetPool,
  type TargetPoolOptions,
  type TargetPoolServices,
} from "../../src/balancer/pool.ts";
import { createBalanceRequest, createFakeMemory } from "./balancing.ts";
import { createFakeClock, type FakeClock } from "./fake-clock.ts";
import { createRecordingLogger } from "./recording-logger.ts";

export const failTimeoutMs = 10_000;
const maxFails = 2;

export const good: Outcome = { ok: true, latencyMs: 5 };
export const bad: Outcome = { ok: false, failure: "timeout", latencyMs: 5 };
export const left: Outcome = { ok: false, aborted: true, latencyMs: 5 };
export const limited: Outcome = { ok: false, failure: "http_429", latencyMs: 5, retryAfterMs: 30_000 };

export interface PoolChanges {
  readonly options?: Partial<TargetPoolOptions>;
  readonly services?: Partial<TargetPoolServices>;
  readonly balancer?: Balancer;
}

/** Pools on one clock and one memory. */
export interface PoolBench {
  readonly clock: FakeClock;
  readonly log: ReturnType<typeof createRecordingLogger>;
  /** The lists that algorithms were given to pick from. */
  readonly asked: readonly (readonly Target[])[];
  /** What algorithms were told of attempts. */
  readonly told: readonly string[];
  /** Takes the first of the candidates. */
  firstOf(): Balancer;
  /** Opens at two failures, counts http_500, and takes the first; or as changed. */
  createPool(targets: readonly Target[], changes?: PoolChanges): TargetPool<Target>;
}

export function createPoolBench(): PoolBench {
  const clock = createFakeClock();
  const log = createRecordingLogger();
  const memory = createFakeMemory();
  const asked: (readonly Target[])[] = [];
  const told: string[] = [];

  const firstOf = (): Balancer => ({
    pick(candidates) {
      asked.push(candidates);
      return candidates[0];
    },
    started: (target) => told.push(`started ${target.index}`),
    observe: (target, { ok }) => told.push(`observed ${target.index} ${ok ? "good" : "bad"}`),
    describeTarget: (target) => ({ score: target.index * 10 }),
  });

  return {
    clock,
    log,
    asked,
    told,
    firstOf,
    createPool: (targets, { options, services, balancer = firstOf() } = {}) =>
      createTargetPool(
        balancer,
        targets,
        { maxFails, failTimeoutMs, countedStatuses: new Set([500]), ...options },
        { now: clock.now, schedule: clock.schedule, random: () => 0.5, log, memory, ...services },
      ),
  };
}

/** The next attempt, which there must be. */
export function taken(attempts: Attempts<Target>): Lease<Target> {
  const lease = attempts.next();
  if (lease === undefined) throw new Error("there was no target to try");
  return lease;
}

/** One request with one attempt; the index of the target it went to. */
export function attempt(pool: TargetPool<Target>, targets: readonly Target[], outcome: Outcome): number {
  const lease = taken(pool.open(targets, createBalanceRequest()));
  lease.end(outcome);
  return lease.target.index;
}

/** Opens the breaker of the first. */
export function fail(pool: TargetPool<Target>, targets: readonly Target[]): void {
  for (let count = 0; count < maxFails; count++) attempt(pool, targets, bad);
}

export function statesOf(pool: TargetPool<Target>): readonly string[] {
  return pool.status().map(({ breaker }) => breaker);
}
