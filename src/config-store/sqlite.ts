/** The configuration in a file. */
import { join } from "node:path";
import type { SqlRunner } from "../sql/runner.ts";
import type { SqliteOwner } from "../sqlite/owner.ts";
import { createSqliteRunner } from "../sqlite/runner.ts";
import { type ConfigStoreServices, defineConfigStore } from "./config-store.ts";
import type { ConfigStoreOptions } from "./options.ts";
import { createStatements } from "./sql/statements.ts";
import { createSqlConfigStore } from "./sql/store.ts";
import type { SqlWords } from "./sql/words.ts";

export const sqlite = defineConfigStore({
  name: "sqlite",
  summary: "Keeps the configuration in an SQLite file, for the gateways of one machine.",
  create: (options, services) => openSqlite(sqliteRunner(options, services), services),
});

/** For whoever comes between the store and the file. */
export function sqliteRunner(
  { sqlite: { path, timeout } }: ConfigStoreOptions,
  { prefix, schedule }: Pick<ConfigStoreServices, "prefix" | "schedule">,
): SqlRunner {
  const file = path ?? join(prefix, "config.db");
  return createSqliteRunner({ owner, file, timeoutMs: timeout }, schedule);
}

/** A store on this runner. */
export function openSqlite(runner: SqlRunner, { newToken }: Pick<ConfigStoreServices, "newToken">) {
  return createSqlConfigStore(runner, createStatements(words), newToken);
}

const owner: SqliteOwner = {
  block: "database.sqlite",
  content: "the configuration",
  item: "a change",
  makeRoom: "make room on the disk",
};

const words: SqlWords = {
  elements: (parameter) => `json_each(${parameter}) as e`,
  hasTable: (name) => `(select count(*) from sqlite_master where type = 'table' and name = '${name}')`,
  key: "text",
  // BEGIN IMMEDIATE is one.
  lock: [],
  numbered: (sql) => sql.replaceAll(/\$(\d)/g, "?$1"),
};
