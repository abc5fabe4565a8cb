/** The configuration on a server. */
import { createPostgresRunner } from "../postgres/runner.ts";
import { type Owner, toSettings } from "../postgres/settings.ts";
import { quoted } from "../postgres/sql-name.ts";
import { checkClientFiles } from "../postgres/tls.ts";
import type { SqlRunner } from "../sql/runner.ts";
import { type ConfigStoreServices, defineConfigStore } from "./config-store.ts";
import { type ConfigStoreOptions, configPostgresOptions } from "./options.ts";
import { createStatements } from "./sql/statements.ts";
import { createSqlConfigStore } from "./sql/store.ts";
import { configTables } from "./sql/tables.ts";
import type { SqlWords } from "./sql/words.ts";

export const postgres = defineConfigStore({
  name: "postgres",
  summary: "Keeps the configuration in PostgreSQL, for gateways on many machines.",
  create: (options, services) => openPostgres(postgresRunner(options, services), services),
});

/** For whoever comes between the store and the server. */
export function postgresRunner(
  { postgres: options }: ConfigStoreOptions,
  { schedule }: Pick<ConfigStoreServices, "schedule">,
): SqlRunner {
  const settings = toSettings(options ?? configPostgresOptions.parse({}), owner);
  checkClientFiles(settings);
  return createPostgresRunner(settings, { schedule, item: "a change" });
}

/** A store on this runner. */
export function openPostgres(runner: SqlRunner, { newToken }: Pick<ConfigStoreServices, "newToken">) {
  return createSqlConfigStore(runner, createStatements(words), newToken);
}

const tables = Object.values(configTables).join(", ");

const owner: Owner = {
  name: "postgres",
  block: "database.postgres",
  remake: `the tables ${tables} are not as Sluice made them; rename them, and it begins new ones`,
  grants: (user) => `GRANT SELECT, INSERT, UPDATE, DELETE ON ${tables} TO ${quoted(user)};`,
};

const words: SqlWords = {
  elements: (parameter) => `jsonb_array_elements(cast(${parameter} as jsonb)) as e (value)`,
  hasTable: (name) => `(to_regclass('${name}') is not null)::integer`,
  key: 'text collate "C"',
  // The two halves of its key: "sluc", and the configuration; vectors have 1, the ledger 2.
  lock: ["select pg_advisory_xact_lock(1936487779, 3)"],
  numbered: (sql) => sql,
};
