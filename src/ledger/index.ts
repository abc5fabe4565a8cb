/** THE list of the ledger's stores. */
import type { LedgerStoreDefinition } from "./ledger-store.ts";
import { postgres } from "./postgres.ts";
import { sqlite } from "./sqlite.ts";

export const ledgerStores = [sqlite, postgres] as const;

/** The store for a value of `ledger.strategy`; undefined for `off`. */
export function findLedgerStore(name: string): LedgerStoreDefinition | undefined {
  return ledgerStores.find((store) => store.name === name);
}
