/** A store that counts who asks it for what: the proof that a decision asks it for nothing. */
import type { VectorStore } from "../../src/vector-stores/vector-store.ts";

export interface Counted {
  readonly store: VectorStore;
  /** Calls so far, by method. */
  readonly calls: ReadonlyMap<string, number>;
}

export function counted(store: VectorStore): Counted {
  const calls = new Map<string, number>();
  const counting = new Proxy(store, {
    get(target, name) {
      // With the store itself as receiver: its private fields are not the proxy's.
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return (...given: unknown[]) => {
        calls.set(String(name), (calls.get(String(name)) ?? 0) + 1);
        return member.apply(target, given);
      };
    },
  });
  return { store: counting, calls };
}

/** What was called between two looks at the counts of several stores; methods that were not are left out. */
export function callsBetween(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const grown = [...after].map(([name, count]) => [name, count - (before.get(name) ?? 0)] as const);
  return new Map(grown.filter(([, count]) => count > 0));
}

export function sumOf(counts: readonly ReadonlyMap<string, number>[]): ReadonlyMap<string, number> {
  const sum = new Map<string, number>();
  for (const each of counts) for (const [name, count] of each) sum.set(name, (sum.get(name) ?? 0) + count);
  return sum;
}
