/** Prompts of one vector space: through the cache, else one shared call, unless the breaker is open. */
import { createSingleFlight } from "../../util/single-flight.ts";
import type { Embedder, EmbeddingResult } from "../embedder.ts";
import { EmbeddingError } from "../embedding-error.ts";
import { type BreakerState, createBreaker, openMs, type Permit } from "./breaker.ts";
import { bounded, callEmbedder, nameOf, onlyVector, toEmbeddingError } from "./call.ts";
import { createPromptCache, promptKey } from "./prompt-cache.ts";
import type { EngineServices } from "./services.ts";

/** A prompt's vector and what it took to get it. */
export interface PromptEmbedding {
  /** Unit length, or zero for a prompt with nothing to embed. Shared with other callers: not to be written to. */
  readonly vector: Float32Array;
  /** Taken from the cache; then it cost no time and no tokens. */
  readonly cached: boolean;
  readonly latencyMs: number;
  /** Tokens charged for this call; absent for those who shared another's, so that sums are right. */
  readonly inputTokens?: number;
}

/** A signal, or its owner where making one costs something: it is asked for it only when there is a call to wait for. */
export type Caller = AbortSignal | { readonly signal: AbortSignal };

interface PromptRequest {
  readonly embedder: Embedder;
  readonly text: string;
  readonly caller: Caller;
  readonly timeoutMs: number;
}

/** Counted since the space was first used, and its present size. */
export interface PromptStats {
  /** Prompts answered from the cache. */
  readonly hits: number;
  /** Prompts that had to be embedded. */
  readonly misses: number;
  /** Prompts that joined the call of an equal one. */
  readonly shared: number;
  /** Calls that failed, timeouts included. */
  readonly failures: number;
  /** Prompts not tried because the breaker was open. */
  readonly refused: number;
  readonly breaker: BreakerState;
  /** Cached prompts, and the memory they take, estimated. */
  readonly entries: number;
  readonly bytes: number;
  /** Tokens the vendor has charged for. */
  readonly promptTokens: number;
}

export interface PromptEngine {
  /** At once where no I/O is needed, else a promise. Never throws; rejects with an `EmbeddingError`. */
  embed(request: PromptRequest): PromptEmbedding | Promise<PromptEmbedding>;
  stats(): PromptStats;
}

/** Statuses with which a vendor complains about this text, in good health otherwise. */
const textRefused: ReadonlySet<number | undefined> = new Set([400, 413, 422]);

/** `facts` name the embedder in the log. */
export function createPromptEngine(
  services: EngineServices,
  facts: Readonly<Record<string, unknown>>,
): PromptEngine {
  const { now, log, schedule } = services;
  const cache = createPromptCache<PromptEmbedding>(services.bounds);
  const flights = createSingleFlight<string, EmbeddingResult>();
  const breaker = createBreaker({ now, onChange: reportBreaker });
  const counters = { hits: 0, misses: 0, shared: 0, failures: 0, refused: 0, promptTokens: 0 };
  let lastFailure: EmbeddingError | undefined;

  function reportBreaker(state: BreakerState): void {
    if (state === "closed") log.info("embedder answers again", facts);
    if (state !== "open") return;
    log.warn(`embedder keeps failing and is not called for ${openMs} ms`, {
      ...facts,
      error: lastFailure?.message,
    });
  }

  function remember(key: string, vector: Float32Array): void {
    cache.set(key, { vector, cached: true, latencyMs: 0 }, vector.byteLength);
  }

  function embedHere({ embedder, text }: PromptRequest, key: string): PromptEmbedding | undefined {
    const startedAt = now();
    const vector = embedder.embedNow?.(text);
    if (vector === undefined) return undefined;
    counters.misses++;
    remember(key, vector);
    return { vector, cached: false, latencyMs: now() - startedAt };
  }

  async function embedThere(
    { embedder, text, caller, timeoutMs }: PromptRequest,
    key: string,
  ): Promise<PromptEmbedding> {
    const signal = caller instanceof AbortSignal ? caller : caller.signal;
    const startedAt = now();
    const isShared = flights.has(key);
    counters[isShared ? "shared" : "misses"]++;
    // The deadline is each caller's own: who joins late waits as long as who came first.
    const result = await bounded(
      { signal, timeoutMs, schedule, what: `embedding from ${nameOf(embedder)}` },
      (waiting) => flights.run(key, waiting, (flight) => fly(embedder, text, key, flight)),
    );
    const embedding = { vector: onlyVector(result), cached: false, latencyMs: now() - startedAt };
    const { inputTokens } = result;
    return inputTokens === undefined ? embedding : { ...embedding, inputTokens: isShared ? 0 : inputTokens };
  }

  /** The one call that all callers with an equal prompt share; `signal` is aborted when the last of them has left. */
  async function fly(
    embedder: Embedder,
    text: string,
    key: string,
    signal: AbortSignal,
  ): Promise<EmbeddingResult> {
    const permit = enter(embedder);
    try {
      const result = await callEmbedder(embedder, [text], signal);
      permit.succeed();
      counters.promptTokens += result.inputTokens ?? 0;
      remember(key, onlyVector(result));
      return result;
    } catch (thrown) {
      const error = toEmbeddingError(thrown, embedder);
      settleFailure(error, permit);
      throw error;
    }
  }

  function enter(embedder: Embedder): Permit {
    const permit = breaker.enter();
    if (permit !== undefined) return permit;
    counters.refused++;
    const next =
      breaker.retryInMs > 0 ? `next try in ${Math.ceil(breaker.retryInMs)} ms` : "a try is under way";
    const last = lastFailure?.message ?? "unknown";
    throw new EmbeddingError(
      "breaker_open",
      `${nameOf(embedder)} is not called after repeated failures (${next}); the last: ${last}`,
      { cause: lastFailure },
    );
  }

  function settleFailure(error: EmbeddingError, permit: Permit): void {
    const isCallersOwn = error.kind === "aborted";
    if (!isCallersOwn) counters.failures++;
    if (isCallersOwn || textRefused.has(error.status)) {
      permit.withdraw();
    } else {
      lastFailure = error;
      permit.fail();
    }
  }

  return {
    embed(request) {
      const key = promptKey(request.text);
      const known = cache.get(key);
      if (known !== undefined) {
        counters.hits++;
        return known;
      }
      try {
        return embedHere(request, key) ?? embedThere(request, key);
      } catch (thrown) {
        counters.failures++;
        return Promise.reject(toEmbeddingError(thrown, request.embedder));
      }
    },
    stats: () => ({ ...counters, breaker: breaker.state, entries: cache.entries, bytes: cache.bytes }),
  };
}
