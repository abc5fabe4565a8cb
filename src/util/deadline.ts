/** Deadlines and cancels around work that may not honour them itself. */
import type { Schedule } from "./schedule.ts";

export interface DeadlineOptions {
  /** The caller's; `left` says what its abort means. */
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly schedule: Schedule;
  readonly timedOut: () => Error;
  readonly left: () => Error;
}

/**
 * Runs `work` with a signal that is aborted when the caller leaves or the time is up, and rejects with that reason
 * at once, whether or not the work reacts. Neither timer nor listener outlives the call.
 */
export async function withDeadline<Value>(
  options: DeadlineOptions,
  work: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> {
  if (options.signal.aborted) throw options.left();
  const controller = new AbortController();
  const cancelTimer = options.schedule(options.timeoutMs, () => controller.abort(options.timedOut()));
  const leave = () => controller.abort(options.left());
  options.signal.addEventListener("abort", leave, { once: true });
  try {
    return await untilAborted(work(controller.signal), controller.signal);
  } finally {
    cancelTimer();
    options.signal.removeEventListener("abort", leave);
  }
}

/** Settles as `promise` does, or rejects with the signal's reason as soon as it is aborted. */
export function untilAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
    const land = () => signal.removeEventListener("abort", abort);
    promise.then(
      (value) => {
        land();
        resolve(value);
      },
      (error: unknown) => {
        land();
        reject(error);
      },
    );
  });
}

/** Resolves after `delayMs`, or rejects with the signal's reason. */
export function pause(delayMs: number, signal: AbortSignal, schedule: Schedule): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const leave = () => {
      cancel();
      reject(signal.reason);
    };
    const cancel = schedule(delayMs, () => {
      signal.removeEventListener("abort", leave);
      resolve();
    });
    signal.addEventListener("abort", leave, { once: true });
  });
}
