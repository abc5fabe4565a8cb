/** Several processes in one test, each with its own clock and memory, which hear of each other when the test says so. */
import { createTargetMemories, type TargetMemories } from "../../src/balancer/target-memory.ts";

export interface SharedProcess {
  /** Milliseconds, by its own clock. */
  readonly now: () => number;
  readonly memories: TargetMemories;
  /** How often it had something to tell since the last exchange. */
  readonly changes: number;
}

export interface SharedProcesses {
  readonly all: readonly SharedProcess[];
  pass(ms: number): void;
  /** All hear of all others; those in `ended` are known to have ended. */
  exchange(ended?: readonly number[]): void;
}

export const owner = "plugin";

/** One for each clock, which is ahead of the others by so much. */
export function createSharedProcesses(clocks: readonly number[]): SharedProcesses {
  let time = 1_000_000;
  const changes = clocks.map(() => 0);
  const all = clocks.map((ahead, index) => {
    const memories = createTargetMemories();
    memories.onChange(() => {
      changes[index] = (changes[index] ?? 0) + 1;
    });
    return {
      now: () => time + ahead,
      memories,
      get changes() {
        return changes[index] ?? 0;
      },
    };
  });
  return {
    all,
    pass(ms) {
      time += ms;
    },
    exchange(ended = []) {
      const told = all.map(({ memories }) => JSON.stringify(memories.tell(owner)));
      for (const [to, { memories, now }] of all.entries()) {
        const peers = all.flatMap((other, from) =>
          from === to
            ? []
            : [
                {
                  rows: JSON.parse(told[from] ?? "{}"), // as through a channel
                  clockOffsetMs: now() - other.now(),
                  isAlive: !ended.includes(from),
                },
              ],
        );
        memories.hear(owner, peers, 0);
      }
      changes.fill(0);
    },
  };
}
