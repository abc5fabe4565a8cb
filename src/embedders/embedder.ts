/** Contract of the embedder family: texts in, unit vectors out. */
import type { EmbeddingTransport } from "./http.ts";

export interface EmbeddingResult {
  /** One unit-length vector for each text, in order. */
  readonly vectors: readonly Float32Array[];
  /** Tokens the vendor charged for; absent where embedding is free or the vendor does not say. */
  readonly inputTokens?: number;
}

export interface Embedder {
  /** Identity of the vector space: vectors and caches of two embedders with equal `space` are interchangeable. */
  readonly space: string;
  /** The config's `embeddings.model`, for logs: provider and name. */
  readonly provider: string;
  readonly model: string;
  /** Length of the vectors; undefined until the vendor has answered once. */
  readonly dimensions: number | undefined;
  /** Largest number of texts in one call. */
  readonly maxBatch: number;
  /**
   * Embeds in the process, at once, without a promise. Only embedders without I/O have it.
   * A text with nothing to embed gives a zero vector. The array is new each time: caches keep it.
   */
  embedNow?(text: string): Float32Array;
  /**
   * A text with nothing to embed gives a zero vector; one that is too long is cut to what the model takes.
   * Rejects with an `EmbeddingError` whose message says what the vendor answered; never resolves with a wrong number
   * of vectors.
   */
  embed(texts: readonly string[], signal: AbortSignal): Promise<EmbeddingResult>;
  /**
   * Monotone map from this model's cosine to the similarity scale that thresholds are written for.
   * Absent: the model's own cosine is that scale.
   */
  calibrate?(cosine: number, context: { readonly examples: number }): number;
}

/** The config's `embeddings` block as far as embedders read it, and the length that `vectordb` asks for. */
export interface EmbedderConfig {
  readonly model: {
    readonly name?: string | undefined;
    readonly options?: { readonly upstream_url?: string | undefined } | undefined;
  };
  readonly auth?: EmbedderAuth | undefined;
  /** `vectordb.dimensions`; absent: the model's own length. */
  readonly dimensions?: number | undefined;
}

/** A credential as a header, or as a parameter of the query or the body. */
export interface EmbedderAuth {
  readonly header_name?: string | undefined;
  /** The whole value, `Bearer ` included. */
  readonly header_value?: string | undefined;
  readonly param_name?: string | undefined;
  readonly param_value?: string | undefined;
  readonly param_location?: "query" | "body" | undefined;
}

/** What an embedder may use of the world. */
export interface EmbedderServices {
  readonly post: EmbeddingTransport;
}

export interface EmbedderDefinition {
  /** The value of `embeddings.model.provider`. */
  readonly name: string;
  /** One sentence; the reference page starts with it. */
  readonly summary: string;
  /** Throws an `Error` that names the setting when the config cannot work. Does no I/O on the network. */
  create(config: EmbedderConfig, services: EmbedderServices): Embedder;
}

/** Declares a member of the family; exists so that a typo in a definition is a compile error. */
export function defineEmbedder<const Definition extends EmbedderDefinition>(
  definition: Definition,
): Definition {
  return definition;
}
