/** THE list of the ledger's stores, and the ledger that the process's settings ask for. */
import { join } from "node:path";
import type { Logger } from "../telemetry/logger.ts";
import { createLedger, type Ledger } from "./ledger.ts";
import type { LedgerStoreDefinition, LedgerStoreServices } from "./ledger-store.ts";
import type { LedgerOptions } from "./options.ts";
import { postgres } from "./postgres.ts";
import { createSpool } from "./spool.ts";
import { sqlite } from "./sqlite.ts";

export const ledgerStores = [sqlite, postgres] as const;

/** The store for a value of `ledger.strategy`; undefined for `off`. */
export function findLedgerStore(name: string): LedgerStoreDefinition | undefined {
  return ledgerStores.find((store) => store.name === name);
}

export interface LedgerServices extends LedgerStoreServices {
  readonly log: Logger;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
  /** Names this process among those with the same prefix: letters and digits, another one at each start. */
  readonly owner: string;
}

/** Undefined where it is off. Throws an `Error` that names the setting when it cannot work; a store that is away is no reason. */
export function openLedger(options: LedgerOptions, services: LedgerServices): Ledger | undefined {
  const store = findLedgerStore(options.strategy)?.create(options, services);
  if (store === undefined) return undefined;
  const { prefix, wallClock, owner } = services;
  const folder = join(prefix, "ledger-spool");
  return createLedger({
    ...services,
    store,
    spool: createSpool({ folder, maxBytes: options.spool_max_mib * 2 ** 20, wallClock, owner }),
    maxQueue: options.max_queue,
    retentionDays: options.retention_days,
    keepsPayloads: options.log_payloads,
  });
}
