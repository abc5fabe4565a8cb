/** The ledger in a file. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createSqliteRunner } from "../sqlite/runner.ts";
import { defineLedgerStore, type LedgerStoreServices } from "./ledger-store.ts";
import type { LedgerOptions } from "./options.ts";
import { createSqlStore } from "./sql/store.ts";
import { ledgerFileOwner } from "./sqlite/owner.ts";

export const sqlite = defineLedgerStore({
  name: "sqlite",
  summary: "Keeps the ledger in an SQLite file, which all processes of one machine write.",
  missing(options, services) {
    const file = fileOf(options, services);
    return existsSync(file) ? undefined : file;
  },
  create(options, services) {
    const settings = {
      owner: ledgerFileOwner,
      file: fileOf(options, services),
      timeoutMs: options.sqlite.timeout,
    };
    return createSqlStore(createSqliteRunner(settings, services.schedule), loadSqliteQueries);
  },
});

function fileOf({ sqlite: { path } }: LedgerOptions, { prefix }: LedgerStoreServices): string {
  return path ?? join(prefix, "ledger.db");
}

/** For whoever makes a runner of its own. */
export async function loadSqliteQueries() {
  const [{ createQueries }, { createSqliteDialect }] = await Promise.all([
    import("./sql/queries.ts"),
    import("./sqlite/dialect.ts"),
  ]);
  return createQueries(createSqliteDialect());
}
