/** One measurement of a call that is made again and again for some time: how long it takes, and what of our CPU. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { percentile, Samples } from "../statistics.ts";

export interface Calls {
  readonly count: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly perSecond: number;
  /** CPU time of this process for one call, all threads, user and system. */
  readonly cpuUs: number;
}

export interface Clock {
  /** Milliseconds, monotonic. */
  now(): number;
  /** CPU time of this process so far, in microseconds. */
  cpuMicros(): number;
}

export interface CallsOptions {
  /** Calls under way at a time; one that ends is followed by the next. */
  readonly atOnce: number;
  /** No call begins after so long; those that have begun are waited for. */
  readonly forMs: number;
  readonly clock?: Clock;
}

const processClock: Clock = {
  now: () => performance.now(),
  cpuMicros() {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
};

/**
 * A call that answers at once, without a promise, gets a turn of the event loop for each, as requests come. Rejects
 * with the first error of a call.
 */
export async function measureCalls(
  call: () => unknown,
  { atOnce, forMs, clock = processClock }: CallsOptions,
): Promise<Calls> {
  const samples = new Samples();
  const [startedAt, cpuBefore] = [clock.now(), clock.cpuMicros()];
  const worker = async () => {
    for (let sentAt = clock.now(); sentAt - startedAt < forMs; sentAt = clock.now()) {
      const answer = call();
      const isPending = answer instanceof Promise;
      if (isPending) await answer;
      samples.add((clock.now() - sentAt) * 1000);
      if (!isPending) await nextTurn();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  const [seconds, cpu] = [(clock.now() - startedAt) / 1000, clock.cpuMicros() - cpuBefore];
  const sorted = samples.sorted();
  return {
    count: sorted.length,
    p50Us: percentile(sorted, 0.5),
    p99Us: percentile(sorted, 0.99),
    perSecond: sorted.length / seconds,
    cpuUs: cpu / sorted.length,
  };
}
