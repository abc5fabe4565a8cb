/** The vectors of a balancer's texts: read back from the store, embedded where they are not there, and kept. */

import { createHash } from "node:crypto";
import { EmbeddingError } from "../embedders/embedding-error.ts";
import type { EmbeddingHandle } from "../embedders/registry.ts";
import type { VectorKeeper } from "../vector-stores/keeper.ts";
import type { VectorItem } from "../vector-stores/vector-store.ts";

export interface DescriptionVectors {
  /**
   * One vector for each text, in order. Rejects with an `EmbeddingError` when a text could not be embedded, or with a
   * `StoreError` of kind `unfit`, which trying again does not mend.
   */
  of(texts: readonly string[], signal: AbortSignal): Promise<readonly Float32Array[]>;
  /** Hands the vectors of the last `of` to the store; never rejects, and waits for one try only. */
  keep(): Promise<void>;
  /** Why there are no vectors yet; undefined once there are. */
  readonly missing: string | undefined;
}

export function createDescriptionVectors(
  embedding: EmbeddingHandle,
  keeper: VectorKeeper,
): DescriptionVectors {
  const { embedder } = embedding;
  let items: readonly VectorItem[] = [];
  let missing: string | undefined = "the descriptions are not embedded yet";

  async function recall(texts: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    const known = await keeper.recall(signal);
    for (const text of texts) {
      const vector = known.get(idOf(embedder.space, text));
      if (vector !== undefined && vector.length === (embedder.dimensions ?? vector.length))
        embedding.adoptDescription(text, vector);
    }
  }

  async function embed(texts: readonly string[], signal: AbortSignal): Promise<readonly Float32Array[]> {
    const unique = new Set(texts);
    await recall(unique, signal);
    const vectors = await embedding.embedDescriptions(texts, signal);
    const byText = new Map(texts.map((text, at) => [text, vectors[at]]));
    items = [...unique].map((text) => {
      const vector = byText.get(text);
      if (vector === undefined)
        throw new EmbeddingError("invalid", "a description was left without a vector");
      return { id: idOf(embedder.space, text), vector };
    });
    return vectors;
  }

  return {
    async of(texts, signal) {
      try {
        const vectors = await embed(texts, signal);
        missing = undefined;
        return vectors;
      } catch (error) {
        missing = error instanceof Error ? error.message : String(error);
        throw error;
      }
    },
    keep: () => keeper.keep(versionOf(items), items),
    get missing() {
      return missing;
    },
  };
}

/** Layout of ids and versions; another number makes everything stored before unknown. */
const format = 1;

/** The same text embedded by another model is another item. */
function idOf(space: string, text: string): string {
  return hash([format, space, text]);
}

/** The same texts in whatever order are the same content. */
function versionOf(items: readonly VectorItem[]): string {
  return hash([format, ...items.map(({ id }) => id).sort()]);
}

function hash(parts: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
}
