/** What messages about a file call things when the ledger is meant. */
import type { SqliteOwner } from "../../sqlite/owner.ts";

export const ledgerFileOwner: SqliteOwner = {
  block: "ledger.sqlite",
  content: "the ledger",
  item: "an entry",
  makeRoom: "make room on the disk, or have entries deleted earlier (ledger.retention_days)",
};
