/** Contract of the config store family: where entities lie while no gateway runs, and where gateways meet. */
import type { Schedule } from "../util/schedule.ts";
import type { ConfigStoreOptions } from "./options.ts";

export interface EntityKey {
  /** The entity's name: `service`. */
  readonly kind: string;
  readonly id: string;
}

export interface StoredEntity extends EntityKey {
  /** Values of JSON. */
  readonly record: Readonly<Record<string, unknown>>;
}

export interface AuditChange extends EntityKey {
  readonly operation: "create" | "update" | "delete";
  /** As it was and is, without its secrets. */
  readonly before?: object;
  readonly after?: object;
}

/** One change, of one entity or of many. */
export interface AuditEntry {
  /** Of the configuration after it; each change makes it one more. */
  readonly version: number;
  /** Milliseconds since 1970, by the clock of the gateway that wrote it. */
  readonly timeMs: number;
  /** Who asked for it. */
  readonly actor: string;
  /** By which request, e.g. `PUT /services/chat`. */
  readonly source: string;
  readonly changes: readonly AuditChange[];
}

export interface ConfigWrite {
  /** Version of what the change was made from. */
  readonly expected: number;
  /** Made, or put in the place of what has the same kind and id. */
  readonly put: readonly StoredEntity[];
  readonly remove: readonly EntityKey[];
  readonly audit: Omit<AuditEntry, "version">;
}

export interface StoredConfig {
  readonly version: number;
  /** By kind and id. */
  readonly entities: readonly StoredEntity[];
}

/** Every call rejects with a `StoreError`, and as soon as its signal is aborted. */
export interface ConfigStore {
  /** For messages: what and where, without credentials. */
  readonly place: string;
  /** 0: nothing was ever written. */
  version(signal: AbortSignal): Promise<number>;
  /** What there was at one moment. */
  read(signal: AbortSignal): Promise<StoredConfig>;
  /** All of it or nothing. `conflict` where the version is no longer the expected one; else the new version. */
  write(write: ConfigWrite, signal: AbortSignal): Promise<number | "conflict">;
  /** The newest first; those before a version, at most so many. The last ten thousand are kept. */
  audit(
    page: { readonly before?: number; readonly limit: number },
    signal: AbortSignal,
  ): Promise<readonly AuditEntry[]>;
  close(): Promise<void>;
}

/** Changes that the audit log keeps. */
export const keptChanges = 10_000;

export interface ConfigStoreServices {
  /** Folder of the process's own files. */
  readonly prefix: string;
  readonly schedule: Schedule;
  /** A text that no other call of this or another process gives. */
  readonly newToken: () => string;
}

/** A member of the family. */
export interface ConfigStoreDefinition {
  readonly name: ConfigStoreOptions["strategy"];
  /** One sentence; the help begins with it. */
  readonly summary: string;
  /** Connects at the first call. Throws an `Error` that names the setting when it can never work. */
  create(options: ConfigStoreOptions, services: ConfigStoreServices): ConfigStore;
}

export function defineConfigStore<const Definition extends ConfigStoreDefinition>(
  definition: Definition,
): Definition {
  return definition;
}
