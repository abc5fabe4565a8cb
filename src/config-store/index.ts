/** THE list of config stores, and the one that the process's settings ask for. */
import type { ConfigStore, ConfigStoreServices } from "./config-store.ts";
import type { ConfigStoreOptions } from "./options.ts";
import { postgres } from "./postgres.ts";
import { sqlite } from "./sqlite.ts";

export const configStores = [sqlite, postgres] as const;

/** Throws an `Error` that names the setting when it can never work; a store that is away is no reason. */
export function createConfigStore(options: ConfigStoreOptions, services: ConfigStoreServices): ConfigStore {
  const store = configStores.find(({ name }) => name === options.strategy);
  if (store === undefined) throw new Error(`there is no config store "${options.strategy}"`);
  return store.create(options, services);
}
