/** Contract of the embedder family: texts in, unit vectors out. */
import type { IdentityServices } from "../cloud-identity/token-source.ts";
import type { AuthOptions } from "../providers/auth-options.ts";
import type { EmbeddingsOptions } from "./options.ts";

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

/** The config's `embeddings` block, as the schema leaves it, and the length that `vectordb` asks for. */
export interface EmbedderConfig {
  readonly model: {
    readonly name?: string | undefined;
    readonly options?: Partial<EmbeddingsOptions["model"]["options"]> | undefined;
  };
  readonly auth?: Partial<AuthOptions> | undefined;
  /** `vectordb.dimensions`; absent: the model's own length. */
  readonly dimensions?: number | undefined;
}

/** The credential of a call, as the schema leaves it. */
export type EmbedderAuth = Partial<AuthOptions>;

/** What an embedder may use of the world: the network, the clock, and the environment for cloud credentials. */
export type EmbedderServices = IdentityServices;

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
