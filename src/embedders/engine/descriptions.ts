/** Descriptions of one vector space: batches with a deadline and retries, behind the description cache. */
import type { Embedder } from "../embedder.ts";
import type { EmbeddingError } from "../embedding-error.ts";
import { bounded, callEmbedder, nameOf, toEmbeddingError } from "./call.ts";
import { createDescriptionCache } from "./description-cache.ts";
import { withRetries } from "./retry.ts";
import type { EngineServices } from "./services.ts";

interface DescriptionsRequest {
  readonly embedder: Embedder;
  readonly texts: readonly string[];
  readonly signal: AbortSignal;
  /** For one try at one batch. */
  readonly timeoutMs: number;
}

/** Counted since the space was first used, and its present size. */
export interface DescriptionStats {
  /** Texts known, and the memory of their vectors. */
  readonly descriptions: number;
  readonly descriptionBytes: number;
  /** Calls made for batches, and those among them that failed. */
  readonly descriptionCalls: number;
  readonly descriptionFailures: number;
  /** Texts sent in calls that succeeded. */
  readonly descriptionsEmbedded: number;
  /** Tokens the vendor has charged for. */
  readonly descriptionTokens: number;
}

export interface DescriptionEngine {
  /** One vector for each text, in order. Whatever the breaker of prompts says: nobody waits, so trying is free. */
  embed(request: DescriptionsRequest): Promise<readonly Float32Array[]>;
  /** A vector from elsewhere; one that is known already stays. */
  adopt(text: string, vector: Float32Array): void;
  retain(text: string): void;
  release(texts: Iterable<string>): void;
  stats(): DescriptionStats;
}

/** `facts` name the embedder in the log. */
export function createDescriptionEngine(
  services: EngineServices,
  facts: Readonly<Record<string, unknown>>,
): DescriptionEngine {
  const { log, random, schedule } = services;
  const cache = createDescriptionCache();
  const counters = {
    descriptionCalls: 0,
    descriptionFailures: 0,
    descriptionsEmbedded: 0,
    descriptionTokens: 0,
  };

  function onRetry(error: EmbeddingError, waitMs: number): void {
    const retryInMs = Math.round(waitMs);
    log.warn("descriptions could not be embedded yet", { ...facts, retryInMs, error: error.message });
  }

  async function tryBatch(
    { embedder, timeoutMs }: DescriptionsRequest,
    texts: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly Float32Array[]> {
    const what = `embeddings of ${texts.length} descriptions from ${nameOf(embedder)}`;
    counters.descriptionCalls++;
    try {
      const result = await bounded({ signal, timeoutMs, schedule, what }, (inner) =>
        callEmbedder(embedder, texts, inner),
      );
      counters.descriptionsEmbedded += texts.length;
      counters.descriptionTokens += result.inputTokens ?? 0;
      return result.vectors;
    } catch (thrown) {
      counters.descriptionFailures++;
      throw toEmbeddingError(thrown, embedder);
    }
  }

  return {
    embed: (request) =>
      cache.embed({
        texts: request.texts,
        signal: request.signal,
        maxBatch: request.embedder.maxBatch,
        embedBatch: (texts, signal) =>
          withRetries({ schedule, random, onRetry }, signal, () => tryBatch(request, texts, signal)),
      }),
    adopt: cache.adopt,
    retain: cache.retain,
    release: cache.release,
    stats: () => ({ ...counters, descriptions: cache.entries, descriptionBytes: cache.bytes }),
  };
}
