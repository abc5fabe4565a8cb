/** Contract of the vector-store family: where vectors are kept beyond the life of a process, and searched. */
import type { Schedule } from "../util/schedule.ts";
import type { VectordbOptions } from "./options.ts";

/**
 * Whose vectors, and which content of theirs. Both parts are 1–64 characters of `A–Z a–z 0–9 _ -`. A version names its
 * content (a hash of it), so that nodes which write the same version at the same time write the same thing.
 */
export interface Namespace {
  readonly owner: string;
  readonly version: string;
}

export interface VectorItem {
  /** 1–200 characters. */
  readonly id: string;
  /** Unit length; or all zeros, which is kept but never found. */
  readonly vector: Float32Array;
}

export interface VectorMatch {
  readonly id: string;
  /** Cosine similarity, −1…1, the same number from every store (±1e-4). */
  readonly similarity: number;
}

/** What a store turned out to be, for people. */
export interface StoreFacts {
  /** Product and version, e.g. `Redis 8.0.2` or `PostgreSQL 17.12`. */
  readonly server: string;
  /** What searches, with its version where it has one: `vector sets 1`, `RediSearch 2.10.5`, `pgvector 0.8.0`. */
  readonly engine: string;
}

/**
 * Every method settles within the configured timeouts, or as soon as `signal` is aborted, and rejects with a
 * `StoreError`. A store connects on first use and again whenever it has lost its connection.
 */
export interface VectorStore {
  /** Strategy and address without credentials, e.g. `redis at 127.0.0.1:6379`. */
  readonly place: string;
  /** Asks the server what it is. Rejects as `unfit` when it cannot serve, saying what would help. */
  inspect(signal: AbortSignal): Promise<StoreFacts>;
  /**
   * Puts the whole content of a namespace in place at once: a reader sees the old items or the new, never a mixture.
   * Fails as `invalid`, and leaves the old items, when vectors differ in length, a number is not finite, or an id
   * stands twice. No items: the namespace is empty, which is not the same as missing.
   */
  replace(namespace: Namespace, items: readonly VectorItem[], signal: AbortSignal): Promise<void>;
  /** All items in the order they were put in, to the last bit; undefined when the namespace is missing. */
  read(namespace: Namespace, signal: AbortSignal): Promise<readonly VectorItem[] | undefined>;
  /** Whether the namespace is there: one short round trip, which also tells whether the server answers. */
  has(namespace: Namespace, signal: AbortSignal): Promise<boolean>;
  /** The versions an owner has, in no order. */
  versions(owner: string, signal: AbortSignal): Promise<readonly string[]>;
  /**
   * The `limit` nearest, nearest first; among equally near ones any. A missing namespace has none, and nothing is near
   * to a zero vector. Fails as `invalid` when the dimensions differ, saying both.
   */
  search(
    namespace: Namespace,
    vector: Float32Array,
    limit: number,
    signal: AbortSignal,
  ): Promise<readonly VectorMatch[]>;
  /** Removes a namespace; a missing one is no error. */
  delete(namespace: Namespace, signal: AbortSignal): Promise<void>;
  /** Ends the connections. Calls under way fail; later ones too. */
  close(): Promise<void>;
}

/** What a store may use of the world. */
export interface VectorStoreServices {
  readonly schedule: Schedule;
}

export interface VectorStoreDefinition {
  /** The value of `vectordb.strategy`. */
  readonly name: string;
  /** One sentence; the reference page starts with it. */
  readonly summary: string;
  /** Whether it keeps vectors outside the process, so that it can be away, and can bring them back after a restart. */
  readonly isRemote: boolean;
  /** Throws an `Error` that names the setting when the config cannot work. Does no I/O on the network. */
  create(config: VectordbOptions, services: VectorStoreServices): VectorStore;
}

/** Declares a member of the family; exists so that a typo in a definition is a compile error. */
export function defineVectorStore<const Definition extends VectorStoreDefinition>(
  definition: Definition,
): Definition {
  return definition;
}
