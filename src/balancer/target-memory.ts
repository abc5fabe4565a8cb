/** What is remembered of targets across reloads, by plugin instance, by use, and by the target's content. */
import type { Target, TargetMemory } from "./balancer.ts";

/** Lives as long as the process. */
export interface TargetMemories {
  /** The memory of one plugin instance for one use, e.g. an algorithm's name. */
  of(owner: string, use: string): TargetMemory;
  /**
   * Holds on to what is remembered of these targets. The last holder to let go has it forgotten; a reload takes the new
   * config's hold before it gives up the old one's. The returned function lets go; a second call does nothing.
   */
  hold(owner: string, targets: readonly Target[]): () => void;
}

interface Remembered {
  holders: number;
  readonly states: Map<string, object>;
}

export function createTargetMemories(): TargetMemories {
  const remembered = new Map<string, Remembered>();
  const keyOf = (owner: string, target: Target) => `${owner} ${target.id}`;

  function entry(key: string): Remembered {
    let known = remembered.get(key);
    if (known === undefined) {
      known = { holders: 0, states: new Map() };
      remembered.set(key, known);
    }
    return known;
  }

  return {
    of: (owner, use) => ({
      of<State extends object>(target: Target, create: () => State): State {
        const { states } = entry(keyOf(owner, target));
        let state = states.get(use);
        if (state === undefined) {
          state = create();
          states.set(use, state);
        }
        return state as State; // one use always asks for the same kind of state
      },
    }),
    hold(owner, targets) {
      const keys = new Set(targets.map((target) => keyOf(owner, target)));
      for (const key of keys) entry(key).holders++;
      let isHeld = true;
      return () => {
        if (!isHeld) return;
        isHeld = false;
        for (const key of keys) {
          const known = entry(key);
          known.holders--;
          if (known.holders === 0) remembered.delete(key);
        }
      };
    },
  };
}
