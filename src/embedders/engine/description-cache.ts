/** Vectors of target descriptions and examples: kept while a config refers to them, embedded once each. */
import { setMaxListeners } from "node:events";
import { untilAborted } from "../../util/deadline.ts";
import { createLimit } from "../../util/limit.ts";
import { EmbeddingError } from "../embedding-error.ts";

/** Embeds one batch, retries included; one vector for each text. */
type EmbedBatch = (texts: readonly string[], signal: AbortSignal) => Promise<readonly Float32Array[]>;

interface DescriptionRequest {
  readonly texts: readonly string[];
  readonly signal: AbortSignal;
  readonly maxBatch: number;
  readonly embedBatch: EmbedBatch;
}

export interface DescriptionCache {
  /** The vectors of `texts`, in order; only unknown texts are embedded, each once even when asked for concurrently. */
  embed(request: DescriptionRequest): Promise<readonly Float32Array[]>;
  /** A vector from elsewhere; one that is known already stays. */
  adopt(text: string, vector: Float32Array): void;
  /** While retained as often as not released, a text's vector is never evicted. */
  retain(text: string): void;
  release(texts: Iterable<string>): void;
  readonly entries: number;
  readonly bytes: number;
}

/** Batches under way at a time; more only trips a vendor's rate limit. */
const maxConcurrentBatches = 4;

/** Vectors kept without being referred to: an old config's, in case it comes back. */
export const maxIdleDescriptions = 4_096;

export function createDescriptionCache(): DescriptionCache {
  const vectors = new Map<string, Float32Array>();
  const references = new Map<string, number>();
  const pending = new Map<string, Promise<void>>();
  const limit = createLimit(maxConcurrentBatches);
  let bytes = 0;

  function store(text: string, vector: Float32Array): void {
    drop(text);
    vectors.set(text, vector);
    bytes += vector.byteLength;
  }

  function drop(text: string): void {
    bytes -= vectors.get(text)?.byteLength ?? 0;
    vectors.delete(text);
  }

  function evictIdle(): void {
    let excess = vectors.size - references.size - maxIdleDescriptions;
    if (excess <= 0) return;
    for (const text of [...vectors.keys()]) {
      if (excess <= 0) return;
      if (references.has(text)) continue;
      drop(text);
      excess--;
    }
  }

  async function embedAndStore(batch: readonly string[], request: DescriptionRequest): Promise<void> {
    const found = await limit(() => request.embedBatch(batch, request.signal), request.signal).catch(
      (error) => {
        throw request.signal.aborted ? left(request.signal) : ownFailure(error);
      },
    );
    batch.forEach((text, i) => {
      const vector = found[i];
      if (vector === undefined)
        throw new EmbeddingError("invalid", `${batch.length} texts gave ${found.length} vectors`);
      store(text, vector);
    });
    evictIdle();
  }

  /** Starts what is neither known nor under way, and answers what is to be awaited: own work and that of others. */
  function start(missing: readonly string[], request: DescriptionRequest): ReadonlySet<Promise<void>> {
    const unclaimed = missing.filter((text) => !pending.has(text));
    for (let at = 0; at < unclaimed.length; at += request.maxBatch) {
      const batch = unclaimed.slice(at, at + request.maxBatch);
      const work = embedAndStore(batch, request).finally(() => {
        for (const text of batch) pending.delete(text);
      });
      for (const text of batch) pending.set(text, work);
    }
    return new Set(missing.map((text) => pending.get(text)).filter((work) => work !== undefined));
  }

  /** Another caller's leaving aborts its batches, which are then ours to start again. */
  async function fill(request: DescriptionRequest): Promise<void> {
    const { signal } = request;
    const texts = [...new Set(request.texts)];
    for (;;) {
      if (signal.aborted) throw left(signal);
      const missing = texts.filter((text) => !vectors.has(text));
      if (missing.length === 0) return;
      const works = [...start(missing, request)].map((work) => work.catch(unlessAborted));
      await untilAborted(Promise.all(works), signal).catch((error) => {
        throw signal.aborted ? left(signal) : error;
      });
    }
  }

  return {
    async embed(request) {
      // One listener on the caller's signal, however many batches there are.
      const controller = new AbortController();
      setMaxListeners(0, controller.signal);
      const leave = () => controller.abort(request.signal.reason);
      request.signal.addEventListener("abort", leave, { once: true });
      if (request.signal.aborted) leave();
      // Held for the time of the call, so that nothing is evicted between the first text and the last.
      for (const text of request.texts) count(references, text, 1);
      try {
        await fill({ ...request, signal: controller.signal });
        return request.texts.map((text) => {
          const vector = vectors.get(text);
          if (vector === undefined)
            throw new EmbeddingError("invalid", "a description was left without a vector");
          return vector;
        });
      } finally {
        request.signal.removeEventListener("abort", leave);
        // After a failure the other batches would only keep the caller of a dead vendor waiting.
        controller.abort();
        for (const text of request.texts) count(references, text, -1);
        evictIdle();
      }
    },
    adopt(text, vector) {
      if (!vectors.has(text)) store(text, vector);
      evictIdle();
    },
    retain: (text) => count(references, text, 1),
    release(texts) {
      for (const text of texts) {
        count(references, text, -1);
        const vector = vectors.get(text);
        // To the end of the map: what was in use last is evicted last.
        if (vector !== undefined) store(text, vector);
      }
      evictIdle();
    },
    get entries() {
      return vectors.size;
    },
    get bytes() {
      return bytes;
    },
  };
}

function count(references: Map<string, number>, text: string, by: number): void {
  const next = (references.get(text) ?? 0) + by;
  if (next > 0) references.set(text, next);
  else references.delete(text);
}

/** "aborted" stands for a caller that left; from a call whose caller is still there it is a failure like others. */
function ownFailure(error: unknown): unknown {
  return isAbort(error)
    ? new EmbeddingError("vendor", "the call was aborted by the other side", { cause: error })
    : error;
}

function unlessAborted(error: unknown): void {
  if (!isAbort(error)) throw error;
}

function isAbort(error: unknown): boolean {
  return error instanceof EmbeddingError && error.kind === "aborted";
}

function left(signal: AbortSignal): EmbeddingError {
  return new EmbeddingError("aborted", "the caller left before the descriptions were embedded", {
    cause: signal.reason,
  });
}
