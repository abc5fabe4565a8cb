/**
 * Counting by windows of time. Windows of one size follow each other from 1970 on and have numbers. A fixed window counts
 * itself alone; a sliding one counts the window before it too, as far as it still overlaps the last `size` milliseconds.
 */

/** What somebody counted of one counter: whole numbers, of the window with this number and of the one before it. */
export interface Tally {
  readonly window: number;
  readonly current: number;
  readonly previous: number;
}

/** How a counter counts. */
export interface WindowShape {
  readonly sizeMs: number;
  readonly isSliding: boolean;
}

export const emptyTally: Tally = Object.freeze({ window: 0, current: 0, previous: 0 });

export function windowAt({ sizeMs }: WindowShape, atMs: number): number {
  return Math.floor(atMs / sizeMs);
}

/** The same counts seen from a later window; seen from an earlier one, as a clock that was set back does, as they are. */
export function rolled(tally: Tally, window: number): Tally {
  if (window <= tally.window) return tally;
  return { window, current: 0, previous: window === tally.window + 1 ? tally.current : 0 };
}

/** With `by` more, or less, in one of its windows. What is older than the window before does not matter any more. */
export function changed(tally: Tally, window: number, by: number): Tally {
  const { current, previous, window: latest } = rolled(tally, window);
  if (window === latest) return { window: latest, current: Math.max(0, current + by), previous };
  if (window === latest - 1) return { window: latest, current, previous: Math.max(0, previous + by) };
  return tally;
}

/** What several have counted, seen from one window. */
export function sumOf(tallies: Iterable<Tally>, window: number): Tally {
  let [current, previous] = [0, 0];
  for (const tally of tallies) {
    const seen = rolled(tally, window);
    current += seen.current;
    previous += seen.previous;
  }
  return { window, current, previous };
}

/** What counts at this moment, a whole number. */
export function usedAt(shape: WindowShape, { current, previous }: Tally, atMs: number): number {
  const { isSliding, sizeMs } = shape;
  // The server's script works it out in the very same steps, so that both come to the same number.
  return isSliding ? current + Math.floor(previous * ((sizeMs - (atMs % sizeMs)) / sizeMs)) : current;
}

/** Milliseconds until the window ends. */
export function windowEndsInMs({ sizeMs }: WindowShape, atMs: number): number {
  return sizeMs - (atMs % sizeMs);
}

/** Milliseconds until less than `limit` counts, should nothing be added; 0 where that is so now. */
export function roomInMs(shape: WindowShape, tally: Tally, limit: number, atMs: number): number {
  if (usedAt(shape, tally, atMs) < limit) return 0;
  const { isSliding, sizeMs } = shape;
  const restMs = windowEndsInMs(shape, atMs);
  if (!isSliding) return restMs;
  const { current, previous } = tally;
  // The part of the window before that still counts shrinks from 1 to 0 over this one, and so will this one's.
  if (current < limit) return Math.max(1, restMs - sizeMs * ((limit - current) / previous));
  return restMs + (current === 0 ? 0 : sizeMs * (1 - limit / current));
}
