/** The setting `--database` (`SLUICE_DATABASE`): where entities lie, in one text. */
import { z } from "zod";
import { AddressError, postgresBlock } from "../postgres/address.ts";
import { checkPostgres, defaultTimeoutMs, postgresOptions } from "../postgres/options.ts";

export const configPostgresOptions = postgresOptions({
  name: "sluice",
  description: "Database that holds the configuration.",
});

export const configStoreOptions = z.strictObject({
  strategy: z.enum(["sqlite", "postgres"]),
  sqlite: z
    .strictObject({ path: z.string().min(1).optional(), timeout: z.int().min(1).default(defaultTimeoutMs) })
    .prefault({}),
  postgres: configPostgresOptions.optional(),
});

export type ConfigStoreOptions = z.output<typeof configStoreOptions>;

/** A text that names no store. The message says what would, and never shows a password. */
export class ConfigStoreSettingError extends Error {}

/** What `--database` takes, for help texts. */
export const configStoreSettingHelp =
  "where entities are kept when there is no file: sqlite (a file in the prefix folder), sqlite:PATH, or " +
  "postgres://USER@HOST:PORT/DATABASE";

/** `source` says where the text came from. The password may come on its own. Throws a `ConfigStoreSettingError`. */
export function readConfigStoreSetting(
  { text, source }: { readonly text: string; readonly source: string },
  password: string | undefined,
): ConfigStoreOptions {
  const refuse = (message: string) => new ConfigStoreSettingError(`${source}: ${message}`);
  const parsed = configStoreOptions.safeParse(blockOf(text, password, refuse));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw refuse(`${issue?.path.join(".")}: ${issue?.message}`);
  }
  const { postgres } = parsed.data;
  const [fault] = postgres === undefined ? [] : checkPostgres(postgres, ["postgres"]);
  if (fault !== undefined) throw refuse(`${fault.path.join(".")} ${fault.message}`);
  return parsed.data;
}

function blockOf(text: string, password: string | undefined, refuse: (message: string) => Error): object {
  if (text === "sqlite") return { strategy: "sqlite" };
  const colon = text.indexOf(":");
  const scheme = text.slice(0, colon);
  if (scheme === "sqlite" && colon + 1 < text.length)
    return { strategy: "sqlite", sqlite: { path: text.slice(colon + 1) } };
  // Not the text itself: it may be an address with a password, mistyped.
  if (scheme !== "postgres" && scheme !== "postgresql") throw refuse(`write ${configStoreSettingHelp}`);
  try {
    return { strategy: "postgres", postgres: postgresBlock(text, password) };
  } catch (error) {
    throw error instanceof AddressError ? refuse(error.message) : error;
  }
}
