/** What processes tell each other: of targets, and of whatever else is remembered by an owner's name. */
import type { TargetMemories } from "../balancer/target-memory.ts";

/** A part that has something to tell, in rows of numbers. */
export type SharedMemory = Pick<TargetMemories, "tell" | "hear" | "onChange">;

/** Two as one: what belongs to owners whose name begins with `prefix`, and the rest. */
export function splitByOwner(prefix: string, theirs: SharedMemory, rest: SharedMemory): SharedMemory {
  const of = (owner: string) => (owner.startsWith(prefix) ? theirs : rest);
  return {
    tell: (owner) => of(owner).tell(owner),
    hear: (owner, peers, delayMs) => of(owner).hear(owner, peers, delayMs),
    onChange(listener) {
      theirs.onChange(listener);
      rest.onChange(listener);
    },
  };
}
