/** Says at once what may happen all the time, and then only now and then, with how often it happened. */
import type { Facts } from "./logger.ts";

const tellEveryMs = 10_000;

/**
 * Gives `write` the first line, and later ones once 10 s have passed since the last that was written; `count` says how many
 * it stands for. What is written is told of the latest.
 */
export function createRareLine(
  write: (message: string, facts: Facts) => void,
  now: () => number,
): (message: string, facts: Facts) => void {
  let untold = 0;
  let toldAt = Number.NEGATIVE_INFINITY;
  return (message, facts) => {
    untold += 1;
    if (now() - toldAt < tellEveryMs) return;
    write(message, { ...facts, count: untold });
    untold = 0;
    toldAt = now();
  };
}
