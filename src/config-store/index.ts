/** temporary */
import type { ConfigStore, ConfigWrite, StoredEntity } from "./config-store.ts";

export interface ConfigStoreOptions {
  readonly strategy: "sqlite" | "postgres";
}
export class ConfigStoreSettingError extends Error {}
export const configStoreSettingHelp = "sqlite";
export function readConfigStoreSetting(
  given: { readonly text: string; readonly source: string },
  _password: string | undefined,
): ConfigStoreOptions {
  if (given.text === "") throw new ConfigStoreSettingError("");
  return { strategy: "sqlite" };
}
export function createConfigStore(_options: ConfigStoreOptions, _services: unknown): ConfigStore {
  let version = 0;
  const entities = new Map<string, StoredEntity>();
  return {
    place: "memory",
    version: async () => version,
    read: async () => ({ version, entities: [...entities.values()] }),
    async write({ expected, put, remove }: ConfigWrite) {
      if (expected !== version) return "conflict";
      for (const { kind, id } of remove) entities.delete(`${kind} ${id}`);
      for (const each of put) entities.set(`${each.kind} ${each.id}`, each);
      version += 1;
      return version;
    },
    audit: async () => [],
    close: async () => undefined,
  };
}
