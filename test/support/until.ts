/** Waiting for what other threads and the kernel do, without a guess at how long they take. */

/** Resolves as soon as it holds; the test's own timeout bounds the wait. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
