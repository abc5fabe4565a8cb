/** The configuration in a file. */
import { join } from "node:path";
import { createSqliteRunner } from "../sqlite/runner.ts";
import { defineConfigStore } from "./config-store.ts";
import { createStatements, type SqlWords } from "./sql/statements.ts";
import { createSqlConfigStore } from "./sql/store.ts";

const words: SqlWords = {
  elements: (parameter) => `json_each(${parameter}) as e`,
  hasTable: (name) => `(select count(*) from sqlite_master where type = 'table' and name = '${name}')`,
  // BEGIN IMMEDIATE is one.
  migrationLock: [],
  numbered: (sql) => sql.replaceAll(/\$(\d)/g, "?$1"),
};

export const sqlite = defineConfigStore({
  name: "sqlite",
  summary: "Keeps the configuration in an SQLite file, for the gateways of one machine.",
  create({ sqlite: { path, timeout } }, { newToken, prefix, schedule }) {
    const file = path ?? join(prefix, "config.db");
    const runner = createSqliteRunner({ file, timeoutMs: timeout }, schedule);
    return createSqlConfigStore(runner, createStatements(words), newToken);
  },
});
