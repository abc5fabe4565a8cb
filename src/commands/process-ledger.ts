/** The ledger of a process: opened as its settings say, with the process's own clock and folder. */
import type { PluginHealth } from "../gateway.ts";
import { openLedger } from "../ledger/index.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { LedgerOptions } from "../ledger/options.ts";
import type { Runtime } from "./runtime.ts";

/** What the last entries get when the process ends, the store's own answer included. */
export const ledgerCloseMs = 5_000;

/** Undefined where it is off. Throws an `Error` that names the setting when it cannot work. */
export function openProcessLedger(
  settings: { readonly ledger: LedgerOptions; readonly prefix: string },
  { now, wallClock, schedule, log, newId }: Runtime,
): Ledger | undefined {
  const { ledger, prefix } = settings;
  return openLedger(ledger, { prefix, log, now, wallClock, schedule, owner: newId() });
}

/** The ledger among the components of `/status`: of the gateway itself, of no plugin. */
export function ledgerComponents(ledger: Ledger | undefined): readonly PluginHealth[] {
  if (ledger === undefined) return [];
  const { component, name, state, reason, failures, writes } = ledger.health();
  return [{ plugin: "gateway", pluginId: "gateway", component, name, state, reason, failures, writes }];
}
