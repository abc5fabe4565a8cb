/** When a worker that died is replaced, and when that is given up. */

/** Deaths of one worker within the window that end the gateway: then something is wrong that a restart does not mend. */
export const maxDeaths = 5;
export const windowMs = 10_000;

/** The first comes back at once: most crashes are one request's. Then twice as long each time; a guess. */
const firstDelayMs = 200;

export interface Restarts {
  /** Notes a death; returns the milliseconds until a replacement, or undefined when it has died too often. */
  died(): number | undefined;
}

/** For one worker's place. `now` is monotonic milliseconds. */
export function createRestarts(now: () => number): Restarts {
  let deaths: readonly number[] = [];
  return {
    died() {
      const at = now();
      deaths = [...deaths.filter((death) => at - death < windowMs), at];
      if (deaths.length >= maxDeaths) return undefined;
      return deaths.length === 1 ? 0 : firstDelayMs * 2 ** (deaths.length - 2);
    },
  };
}
