/** Several processes that serve one config, in virtual time: what each remembers, and how they hear of each other. */
import type { Target, TargetMemory } from "../../src/balancer/balancer.ts";
import { createTargetMemories } from "../../src/balancer/target-memory.ts";

export interface Processes {
  readonly count: number;
  /** They hear of each other so often, in milliseconds; undefined: never. */
  readonly newsMs?: number;
}

const owner = "benchmark";

/** Their clocks are one: virtual time has no other. */
export function createProcesses(
  count: number,
  targets: readonly Target[],
): {
  readonly processes: readonly { readonly memory: TargetMemory }[];
  /** All hear of all others. */
  readonly exchange: (delayMs: number) => void;
} {
  const memories = Array.from({ length: count }, () => createTargetMemories());
  for (const each of memories) each.hold(owner, targets);
  return {
    processes: memories.map((each) => ({ memory: each.of(owner, "use") })),
    exchange(delayMs) {
      const told = memories.map((each) => each.tell(owner));
      for (const [to, each] of memories.entries()) {
        const peers = told
          .filter((_, from) => from !== to)
          .map((rows) => ({ rows, clockOffsetMs: 0, isAlive: true }));
        each.hear(owner, peers, delayMs);
      }
    },
  };
}
