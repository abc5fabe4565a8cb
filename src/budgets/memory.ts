/** Counters in the process; the workers of one gateway tell each other of theirs through its state exchange. */

import { type BudgetCounts, budgetOwner } from "./budget-counts.ts";
import type { Counters } from "./counters.ts";

export interface MemoryServices {
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
  readonly budgets: BudgetCounts;
}

export function memoryCounters(namespace: string, { budgets, wallClock }: MemoryServices): Counters {
  const { counts, release } = budgets.hold(budgetOwner(namespace));
  return {
    reserve: (ask) => counts.reserve(ask, wallClock(), false),
    change: (changes) => counts.change(changes, wallClock()),
    close: async () => release(),
  };
}
