/** Calls of a store: each ends in time, when its caller leaves, or when the store is closed. */
import { withDeadline } from "../util/deadline.ts";
import type { Schedule } from "../util/schedule.ts";
import { callerLeft, storeClosed } from "../util/store-error.ts";

export interface Calls {
  /** Runs `work` with a signal that is aborted when it has to end, and rejects then with the reason, as a `StoreError`. */
  run<Value>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<Value>): Promise<Value>;
  /** Ends those under way; later ones fail. */
  close(): void;
}

export interface CallsOptions {
  readonly place: string;
  readonly timeoutMs: number;
  readonly schedule: Schedule;
  readonly timedOut: () => Error;
}

export function createCalls({ place, timeoutMs, schedule, timedOut }: CallsOptions): Calls {
  const underWay = new Set<AbortController>();
  let isClosed = false;

  return {
    async run(signal, work) {
      if (isClosed) throw storeClosed(place);
      if (signal.aborted) throw callerLeft(place);
      const controller = new AbortController();
      const leave = () => controller.abort();
      signal.addEventListener("abort", leave, { once: true });
      underWay.add(controller);
      const left = () => (isClosed ? storeClosed(place) : callerLeft(place));
      try {
        return await withDeadline({ signal: controller.signal, timeoutMs, schedule, timedOut, left }, work);
      } catch (error) {
        throw isClosed ? storeClosed(place) : error;
      } finally {
        signal.removeEventListener("abort", leave);
        underWay.delete(controller);
      }
    },
    close() {
      isClosed = true;
      for (const controller of underWay) controller.abort();
    },
  };
}
