/** The configuration on a server. */
import { createPostgresRunner } from "../postgres/runner.ts";
import { type Owner, toSettings } from "../postgres/settings.ts";
import { quoted } from "../postgres/sql-name.ts";
import { checkClientFiles } from "../postgres/tls.ts";
import { defineConfigStore } from "./config-store.ts";
import { configPostgresOptions } from "./options.ts";
import { configTables, createStatements, type SqlWords } from "./sql/statements.ts";
import { createSqlConfigStore } from "./sql/store.ts";

const tables = Object.values(configTables).join(", ");

const owner: Owner = {
  name: "postgres",
  block: "database",
  remake: `the tables ${tables} are not as Sluice made them; rename them, and it begins new ones`,
  grants: (user) => `GRANT SELECT, INSERT, UPDATE, DELETE ON ${tables} TO ${quoted(user)};`,
};

const words: SqlWords = {
  elements: (parameter) => `jsonb_array_elements(cast(${parameter} as jsonb)) as e (value)`,
  hasTable: (name) => `(to_regclass('${name}') is not null)::integer`,
  // The two halves of an advisory lock's key: "sluc", and the configuration; vectors have 1, the ledger 2.
  migrationLock: ["select pg_advisory_xact_lock(1936487779, 3)"],
  numbered: (sql) => sql,
};

export const postgres = defineConfigStore({
  name: "postgres",
  summary: "Keeps the configuration in PostgreSQL, for gateways on many machines.",
  create({ postgres: options }, { newToken, schedule }) {
    const settings = toSettings(options ?? configPostgresOptions.parse({}), owner);
    checkClientFiles(settings);
    return createSqlConfigStore(createPostgresRunner(settings, schedule), createStatements(words), newToken);
  },
});
