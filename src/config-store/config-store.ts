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

/** What a gateway asks for. No key may stand in it twice. */
export interface ConfigWrite {
  /** Version of what the change was made from. */
  readonly expected: number;
  /** Made, or put in the place of what has the same kind and id. */
  readonly put: readonly StoredEntity[];
  /** One that is not there is no mistake. */
  readonly remove: readonly EntityKey[];
  readonly audit: Omit<AuditEntry, "version">;
}

export interface AuditPage {
  /** Only changes before this version. */
  readonly before?: number;
  /** At most so many. */
  readonly limit: number;
}

/** What a gateway tells those that run beside it. It changes nothing that is configured. */
export interface Announcement {
  /** One more than that of the one before. */
  readonly number: number;
  /** The gateway that tells it. */
  readonly sender: string;
  /** Milliseconds since 1970, by the sender's clock. */
  readonly timeMs: number;
  /** For those who hear it to understand; a later version may say what this one does not know. */
  readonly body: string;
}

/** All at one moment. */
export interface News {
  /** 0: nothing was ever written. */
  readonly version: number;
  /** Number of the last announcement; 0: there was none. */
  readonly last: number;
  /** In their order, whoever made them. */
  readonly announcements: readonly Announcement[];
}

export interface StoredConfig {
  readonly version: number;
  /** In the order of kind, then id. */
  readonly entities: readonly StoredEntity[];
}

/**
 * Every call rejects with a `StoreError`, within the configured timeout, and as soon as its signal is aborted. A store
 * opens on first use, and again whenever it has lost its database; on opening it makes the tables, also when several
 * processes do so at once, and refuses those of a newer Sluice as `unfit`.
 */
export interface ConfigStore {
  /** For messages: strategy and address, without credentials. */
  readonly place: string;
  /**
   * Whether something has changed, and what was announced after the announcement with this number: one question, since every
   * gateway asks it all the time.
   */
  news(after: number, signal: AbortSignal): Promise<News>;
  /** What there was at one moment. */
  read(signal: AbortSignal): Promise<StoredConfig>;
  /**
   * All of it or nothing, durably, and once, also where it has to be sent twice. `conflict` where the version is no longer
   * the expected one; else the new version, which is one more. `invalid` where the database cannot take what is in it.
   * After `unreachable` nobody knows whether it took place: ask for the version.
   */
  write(write: ConfigWrite, signal: AbortSignal): Promise<number | "conflict">;
  /**
   * Tells the other gateways, once, also where it has to be sent twice. Resolves with its number: whoever has heard that has
   * heard all before. The last `keptAnnouncements` are there to be heard. After `unreachable` nobody knows whether it was told.
   */
  announce(announcement: Omit<Announcement, "number">, signal: AbortSignal): Promise<number>;
  /** The newest first. The last `keptChanges` are there. */
  audit(page: AuditPage, signal: AbortSignal): Promise<readonly AuditEntry[]>;
  /** Ends the connections. Calls under way fail; later ones too. */
  close(): Promise<void>;
}

/** Changes that the audit log keeps; the one that made the newest version is always among them. */
export const keptChanges = 10_000;

/** By number, not by age: no clock decides, and a gateway that was cut off for hours hears what it has missed. A choice. */
export const keptAnnouncements = 1_000;

export interface ConfigStoreServices {
  /** Folder of the process's own files. */
  readonly prefix: string;
  readonly schedule: Schedule;
  /** A text that no other call of this or another process gives. */
  readonly newToken: () => string;
}

export interface ConfigStoreDefinition {
  /** The value of `database.strategy`. */
  readonly name: ConfigStoreOptions["strategy"];
  /** One sentence. */
  readonly summary: string;
  /** Connects at the first call. Throws an `Error` that names the setting when it can never work. */
  create(options: ConfigStoreOptions, services: ConfigStoreServices): ConfigStore;
}

/** Declares a member of the family; exists so that a typo in a definition is a compile error. */
export function defineConfigStore<const Definition extends ConfigStoreDefinition>(
  definition: Definition,
): Definition {
  return definition;
}
