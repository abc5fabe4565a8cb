/** The ledger in a file. */
import { join } from "node:path";
import { defineLedgerStore } from "./ledger-store.ts";
import { createSqlStore } from "./sql/store.ts";
import { createSqliteRunner } from "./sqlite/runner.ts";

export const sqlite = defineLedgerStore({
  name: "sqlite",
  summary: "Keeps the ledger in an SQLite file, which all processes of one machine write.",
  create({ sqlite: { path, timeout } }, { schedule, prefix }) {
    const file = path ?? join(prefix, "ledger.db");
    return createSqlStore(createSqliteRunner({ file, timeoutMs: timeout }, schedule), loadSqliteQueries);
  },
});

/** For whoever makes a runner of its own. */
export async function loadSqliteQueries() {
  const [{ createQueries }, { createSqliteDialect }] = await Promise.all([
    import("./sql/queries.ts"),
    import("./sqlite/dialect.ts"),
  ]);
  return createQueries(createSqliteDialect());
}
