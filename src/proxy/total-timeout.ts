/** One deadline over all attempts of a request and the whole answer (`balancer.total_timeout`). */
import { type Cancellation, LightCancellation } from "../http/cancellation.ts";
import type { Schedule } from "../util/schedule.ts";

/** The reason of a cancellation whose time was up, rather than whose client has left. */
export class TotalTimeout extends Error {
  constructor(timeoutMs: number) {
    super(`the answer took longer than ${timeoutMs} ms (balancer.total_timeout)`);
    this.name = "TotalTimeout";
  }
}

export interface Deadline {
  /** Aborted with a `TotalTimeout` when the time is up, or with the client's reason when it leaves. */
  readonly cancellation: Cancellation;
  /** Once: the time runs from now on. */
  start(): void;
  /** Once the exchange with the models is over: frees the timer. May be called more than once. */
  release(): void;
}

export function createDeadline(client: Cancellation, timeoutMs: number, schedule: Schedule): Deadline {
  const cancellation = new LightCancellation();
  let cancelTimer: (() => void) | undefined;
  const leave = () => {
    release();
    cancellation.cancel(client.reason as Error); // the listener and signals of tests give errors
  };
  const release = () => {
    cancelTimer?.();
    cancelTimer = undefined;
    client.removeEventListener("abort", leave);
  };
  return {
    cancellation,
    start() {
      if (client.aborted) return leave();
      client.addEventListener("abort", leave);
      cancelTimer = schedule(timeoutMs, () => {
        release();
        cancellation.cancel(new TotalTimeout(timeoutMs));
      });
    },
    release,
  };
}

/** The time was up, if that is why it was cancelled. */
export function totalTimeoutOf({ reason }: Cancellation): TotalTimeout | undefined {
  return reason instanceof TotalTimeout ? reason : undefined;
}
