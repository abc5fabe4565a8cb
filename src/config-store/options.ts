/** The process's settings of the config store, and `--database` (`SLUICE_DATABASE`), which says them in one text. */
import { z } from "zod";
import { checkPostgres, defaultTimeoutMs, postgresOptions } from "../postgres/options.ts";
import { readPlace } from "../sql/place-setting.ts";
import type { OptionFault } from "../util/option-rules.ts";

export const configPostgresOptions = postgresOptions({
  name: "sluice",
  description: "Database that holds the configuration.",
});

export const configStoreOptions = z.strictObject({
  strategy: z
    .enum(["memory", "sqlite", "postgres"])
    .default("sqlite")
    .describe(
      "`sqlite`: a file, for one machine; `postgres`: a server, for many; `memory`: gone with the process.",
    ),
  sqlite: z
    .strictObject({
      path: z
        .string()
        .min(1)
        .describe(
          "The file; `config.db` in the prefix folder unless given. Its folder is made where it is missing.",
        )
        .optional(),
      timeout: z
        .int()
        .min(1)
        .default(defaultTimeoutMs)
        .describe("Bound on each call, waiting for other processes included, in milliseconds."),
    })
    .prefault({})
    .describe("The file."),
  postgres: configPostgresOptions.describe("Connection to PostgreSQL.").optional(),
});

export type ConfigStoreOptions = z.output<typeof configStoreOptions>;

const choices =
  "sqlite (a file in the prefix folder), sqlite:PATH, postgres://USER@HOST:PORT/DATABASE, or memory (gone with the process)";

/** What `--database` is and takes, for help texts. */
export const configStoreSettingHelp = `where entities are kept when there is no file: ${choices}`;

const setting = { words: ["memory"], choices, schema: configStoreOptions, check: checkConfigStore };

/**
 * A text that `readPlace` takes, or `memory`; the fields of an address are those of the block `database.postgres`. The
 * password may come on its own. `source` says where the text came from. Throws a `PlaceSettingError`.
 */
export function readConfigStoreSetting(
  given: { readonly text: string; readonly source: string },
  password: string | undefined,
): ConfigStoreOptions {
  return readPlace(setting, { ...given, password });
}

function checkConfigStore({ postgres }: ConfigStoreOptions): readonly OptionFault[] {
  return postgres === undefined ? [] : checkPostgres(postgres, ["postgres"]);
}
