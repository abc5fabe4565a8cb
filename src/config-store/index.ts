/** THE list of config stores, and the one that the process's settings ask for. */
import type { ConfigStore, ConfigStoreDefinition, ConfigStoreServices } from "./config-store.ts";
import { memory } from "./memory.ts";
import type { ConfigStoreOptions } from "./options.ts";
import { postgres } from "./postgres.ts";
import { sqlite } from "./sqlite.ts";

export const configStores = [memory, sqlite, postgres] as const;

const byName: ReadonlyMap<string, ConfigStoreDefinition> = new Map(
  configStores.map((store) => [store.name, store]),
);

/** Throws an `Error` that names the setting when it can never work; a store that is away is no reason. */
export function createConfigStore(options: ConfigStoreOptions, services: ConfigStoreServices): ConfigStore {
  const store = byName.get(options.strategy);
  if (store === undefined) throw new Error(`database.strategy: there is no "${options.strategy}"`);
  return store.create(options, services);
}
