/** The counts of all budgets that are kept in this process: they outlive a reload, and are told to other workers. */
import type { Row } from "../balancer/balancer.ts";
import type { SharedMemory } from "../shared-state/shared-memory.ts";
import { Counts } from "./counts.ts";

/** Lives as long as the process. */
export interface BudgetCounts extends SharedMemory {
  /** The counts of one owner. The last holder to let go has them forgotten; a reload takes hold before it lets go. */
  hold(owner: string): { readonly counts: Counts; release(): void };
}

/** The name under which an owner's counts are told; no plugin's id begins like this. */
export function budgetOwner(namespace: string): string {
  return `budget ${namespace}`;
}

interface Held {
  readonly counts: Counts;
  holders: number;
}

export function createBudgetCounts(): BudgetCounts {
  const held = new Map<string, Held>();
  const heard = new Map<string, readonly Readonly<Record<string, Row>>[]>();
  let listener: (owner: string, isUrgent: boolean) => void = () => undefined;

  function open(owner: string): Held {
    const counts = new Counts({
      onChange: () => listener(owner, false),
      othersOf: (key) => talliesOf(heard.get(owner), key),
    });
    return { counts, holders: 0 };
  }

  return {
    hold(owner) {
      const found = held.get(owner) ?? open(owner);
      held.set(owner, found);
      found.holders++;
      let isHeld = true;
      return {
        counts: found.counts,
        release() {
          if (!isHeld) return;
          isHeld = false;
          found.holders--;
          if (found.holders > 0) return;
          held.delete(owner);
          listener(owner, false);
        },
      };
    },
    tell(owner) {
      const rows: Record<string, Row> = {};
      for (const { counter, own } of held.get(owner)?.counts.entries() ?? [])
        if (own.current + own.previous > 0) rows[counter.key] = [own.window, own.current, own.previous];
      return rows;
    },
    hear(owner, peers) {
      const rows = peers.map((peer) => peer.rows);
      if (rows.length === 0) heard.delete(owner);
      else heard.set(owner, rows);
      for (const entry of held.get(owner)?.counts.entries() ?? [])
        entry.others = talliesOf(rows, entry.counter.key);
    },
    onChange(told) {
      listener = told;
    },
  };
}

function talliesOf(rows: readonly Readonly<Record<string, Row>>[] = [], key: string) {
  return rows.flatMap((row) => {
    const [window, current, previous] = row[key] ?? [];
    return window === undefined || current === undefined || previous === undefined
      ? []
      : [{ window, current, previous }];
  });
}
