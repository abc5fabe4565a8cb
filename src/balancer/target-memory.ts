/** What is remembered of targets across reloads, by plugin instance, by use, and by the target's content. */
import type { Target, TargetMemory } from "./balancer.ts";

/** Lives as long as the process. */
export interface TargetMemories {
  /**
   * The memory of one plugin instance for one use, e.g. an algorithm's name. To one target object it always gives the
   * same state, also once nobody holds on to the target any more; across objects of the same content it is remembered
   * only while somebody does.
   */
  of(owner: string, use: string): TargetMemory;
  /**
   * Holds on to what is, or was already, remembered of these targets. The last holder to let go has it forgotten; a
   * reload takes the new config's hold before it gives up the old one's. The returned function lets go; a second call
   * does nothing.
   */
  hold(owner: string, targets: readonly Target[]): () => void;
}

/** By use. */
type States = Map<string, object>;

interface Remembered {
  holders: number;
  readonly states: States;
}

export function createTargetMemories(): TargetMemories {
  /** Only of targets that are held on to, so that it is bounded by the running configs. */
  const remembered = new Map<string, Remembered>();
  /** By owner. Requests that outlive their config still ask: what has begun must end in the same state. */
  const given = new WeakMap<Target, Map<string, States>>();
  /** Of targets that were held on to and let go: should anybody hold on to one again, it starts from nothing. */
  const forgotten = new WeakSet<States>();
  const keyOf = (owner: string, target: Target) => `${owner} ${target.id}`;

  function givenTo(owner: string, target: Target): States {
    const byOwner = given.get(target) ?? new Map<string, States>();
    const states = byOwner.get(owner) ?? new Map<string, object>();
    given.set(target, byOwner.set(owner, states));
    return states;
  }

  function recall(owner: string, use: string, target: Target, create: () => object): object {
    const own = givenTo(owner, target);
    const known = own.get(use);
    if (known !== undefined) return known;
    const shared = remembered.get(keyOf(owner, target))?.states;
    const state = shared?.get(use) ?? create();
    own.set(use, state);
    shared?.set(use, state);
    return state;
  }

  function hold(owner: string, target: Target): void {
    const key = keyOf(owner, target);
    const known = remembered.get(key) ?? { holders: 0, states: new Map() };
    known.holders++;
    remembered.set(key, known);
    const own = givenTo(owner, target);
    if (forgotten.delete(own)) own.clear();
    for (const [use, state] of own) {
      if (!known.states.has(use)) known.states.set(use, state);
    }
  }

  function letGo(owner: string, target: Target): void {
    const key = keyOf(owner, target);
    const known = remembered.get(key);
    if (known === undefined) return;
    known.holders--;
    if (known.holders > 0) return;
    remembered.delete(key);
    forgotten.add(givenTo(owner, target));
  }

  return {
    of: (owner, use) => ({
      of<State extends object>(target: Target, create: () => State): State {
        return recall(owner, use, target, create) as State; // one use always asks for the same kind of state
      },
    }),
    hold(owner, targets) {
      for (const target of targets) hold(owner, target);
      let isHeld = true;
      return () => {
        if (!isHeld) return;
        isHeld = false;
        for (const target of targets) letGo(owner, target);
      };
    },
  };
}
