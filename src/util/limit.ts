/** Bounded concurrency: at most so many tasks at a time, the rest wait in the order they came. */

/**
 * Runs `task` when a place is free and settles as it does. Aborting while waiting gives the place in the queue up
 * and rejects with the signal's reason; a task that runs already is not touched.
 */
export type Limit = <Value>(task: () => Promise<Value>, signal?: AbortSignal) => Promise<Value>;

/** `max` ≥ 1. */
export function createLimit(max: number): Limit {
  if (!(max >= 1)) throw new RangeError(`a limit must be at least 1, got ${max}`);
  const queue = new Set<() => void>();
  let running = 0;

  function next(): void {
    running--;
    const [first] = queue;
    if (first === undefined) return;
    queue.delete(first);
    first();
  }

  function place(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = () => {
        signal?.removeEventListener("abort", leave);
        running++;
        resolve();
      };
      const leave = () => {
        queue.delete(enter);
        reject(signal?.reason);
      };
      if (signal?.aborted) return leave();
      if (running < max) return enter();
      signal?.addEventListener("abort", leave, { once: true });
      queue.add(enter);
    });
  }

  return async (task, signal) => {
    await place(signal);
    try {
      return await task();
    } finally {
      next();
    }
  };
}
