/** Events of a simulation in order of time; those of one moment in the order in which they were added. */

interface Event {
  readonly at: number;
  readonly number: number;
  readonly run: () => void;
}

export interface EventQueue {
  /** The virtual time, in milliseconds: that of the event that runs. */
  readonly now: () => number;
  /** `delayMs` from now, which must not be negative. */
  after(delayMs: number, run: () => void): void;
  /** Runs events until none is left. */
  runAll(): void;
}

/** A binary heap, so that a million events take a second and not an hour. */
export function createEventQueue(): EventQueue {
  const heap: Event[] = [];
  let time = 0;
  let added = 0;

  function add(event: Event): void {
    let at = heap.length;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || isBefore(parent, event)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = event;
  }

  function takeFirst(): Event | undefined {
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (let below = earlierChild(heap, at); below !== undefined; below = earlierChild(heap, at)) {
      if (!isBefore(below.event, last)) break;
      heap[at] = below.event;
      at = below.index;
    }
    heap[at] = last;
    return first;
  }

  return {
    now: () => time,
    after(delayMs, run) {
      if (!(delayMs >= 0)) throw new RangeError(`an event cannot be ${delayMs} ms from now`);
      add({ at: time + delayMs, number: added++, run });
    },
    runAll() {
      for (let event = takeFirst(); event !== undefined; event = takeFirst()) {
        time = event.at;
        event.run();
      }
    },
  };
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.number < b.number);
}

function earlierChild(
  heap: readonly Event[],
  at: number,
): { readonly event: Event; readonly index: number } | undefined {
  const index = 2 * at + 1;
  const left = heap[index];
  const right = heap[index + 1];
  if (left === undefined) return undefined;
  return right !== undefined && isBefore(right, left)
    ? { event: right, index: index + 1 }
    : { event: left, index };
}
