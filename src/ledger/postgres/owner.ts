/** What messages about a server call things when the ledger is meant. */
import type { Owner } from "../../postgres/settings.ts";
import { quoted } from "../../postgres/sql-name.ts";
import { ledgerTables, ledgerViews } from "../sql/tables.ts";

export const ledgerOwner: Owner = {
  name: "postgres",
  block: "ledger.postgres",
  remake: `the tables ${ledgerTables.join(", ")} are not as Sluice made them; rename them, and it begins new ones`,
  grants: (user) =>
    `GRANT SELECT, INSERT, UPDATE, DELETE ON ${[...ledgerTables, ...ledgerViews].join(", ")} TO ${quoted(user)};`,
};
