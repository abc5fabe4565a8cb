/** The ledger on a server. */
import { createPostgresRunner } from "../postgres/runner.ts";
import { toSettings } from "../postgres/settings.ts";
import { checkClientFiles } from "../postgres/tls.ts";
import { defineLedgerStore } from "./ledger-store.ts";
import { ledgerPostgresOptions } from "./options.ts";
import { ledgerOwner } from "./postgres/owner.ts";
import { createSqlStore } from "./sql/store.ts";

export const postgres = defineLedgerStore({
  name: "postgres",
  summary: "Keeps the ledger in PostgreSQL, which many nodes write.",
  create(options, { schedule }) {
    const settings = toSettings(options.postgres ?? ledgerPostgresOptions.parse({}), ledgerOwner);
    checkClientFiles(settings);
    return createSqlStore(
      createPostgresRunner(settings, { schedule, item: "an entry" }),
      loadPostgresQueries,
    );
  },
});

async function loadPostgresQueries() {
  const [{ createQueries }, { createPostgresDialect }] = await Promise.all([
    import("./sql/queries.ts"),
    import("./postgres/dialect.ts"),
  ]);
  return createQueries(createPostgresDialect());
}
