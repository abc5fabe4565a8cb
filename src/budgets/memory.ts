/** Counters in the process; the workers of one gateway tell each other of theirs through its state exchange. */

import type { Counters } from "./counters.ts";
import { type BudgetLedgers, budgetOwner } from "./ledgers.ts";

export interface MemoryServices {
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
  readonly budgets: BudgetLedgers;
}

export function memoryCounters(namespace: string, { budgets, wallClock }: MemoryServices): Counters {
  const { ledger, release } = budgets.hold(budgetOwner(namespace));
  return {
    reserve: (ask) => ledger.reserve(ask, wallClock(), false),
    change: (changes) => ledger.change(changes, wallClock()),
    close: async () => release(),
  };
}
