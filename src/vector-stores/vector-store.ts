/** Contract of the vector-store family: where description vectors live and are searched. */
import type { VectordbOptions } from "./options.ts";

export interface VectorItem {
  readonly id: string;
  /** Unit length. */
  readonly vector: Float32Array;
}

export interface VectorMatch {
  readonly id: string;
  /** Cosine similarity, −1…1, the same number from every store (±1e-4). */
  readonly similarity: number;
}

export interface VectorStore {
  /**
   * Replaces the whole content of a namespace at once: a reader sees the old items or the new, never a mixture.
   * Fails, and leaves the old items, when vectors differ in length, a number is not finite, or an id stands twice.
   */
  replace(namespace: string, items: readonly VectorItem[], signal: AbortSignal): void | Promise<void>;
  /**
   * The `limit` nearest, nearest first, equally near ones in the order of their items. An unknown namespace is empty.
   * Fails when the dimensions differ. A zero vector is equally near to everything, at similarity 0.
   */
  search(
    namespace: string,
    vector: Float32Array,
    limit: number,
    signal: AbortSignal,
  ): readonly VectorMatch[] | Promise<readonly VectorMatch[]>;
  delete(namespace: string): void | Promise<void>;
  close(): Promise<void>;
}

export interface VectorStoreDefinition {
  /** The value of `vectordb.strategy`. */
  readonly name: string;
  /** One sentence; the reference page starts with it. */
  readonly summary: string;
  /** Throws an `Error` that names the setting when the config cannot work. Connects on first use. */
  create(config: VectordbOptions): VectorStore;
}

/** Declares a member of the family; exists so that a typo in a definition is a compile error. */
export function defineVectorStore<const Definition extends VectorStoreDefinition>(
  definition: Definition,
): Definition {
  return definition;
}
