/** The engine behind every embedder that calls a vendor: batches, blanks, long texts, lengths, errors. */
import { setMaxListeners } from "node:events";
import { createLimit, type Limit } from "../util/limit.ts";
import type { Embedder, EmbedderServices } from "./embedder.ts";
import { EmbeddingError } from "./embedding-error.ts";
import { createCaller, joinAnswers } from "./http/call.ts";
import { tidy } from "./http/cut.ts";
import type { EmbeddingsAnswer, EmbeddingsDialect } from "./http/dialect.ts";
import { callerLeft, placeOf } from "./http/failures.ts";

export type { EmbeddingsAnswer, EmbeddingsDialect } from "./http/dialect.ts";

/**
 * Calls of one embedder under way at a time while it works through texts that take several; more only trips a rate
 * limit. What fits into one call, as a prompt does, never waits for them.
 */
export const maxConcurrentCalls = 4;

/** Sent to learn the length of the vectors when there is nothing else to send. */
const probe = "a";

/**
 * An embedder over `dialect`. It trims texts, answers zero vectors for blank ones without asking, cuts long ones,
 * splits what exceeds a call, has several calls under way at a time and ends them all when one fails, brings vectors
 * to unit length, and refuses answers with empty, zero, non-finite or differently long vectors.
 */
export function createHttpEmbedder(dialect: EmbeddingsDialect, services: EmbedderServices): Embedder {
  const { provider, model, space, textsPerCall } = dialect;
  const caller = createCaller(dialect, services.call);
  const limit = createLimit(maxConcurrentCalls);
  let length = dialect.dimensions ?? dialect.nativeDimensions;

  function learn(answer: EmbeddingsAnswer): EmbeddingsAnswer {
    const answered = answer.vectors[0]?.length;
    length ??= answered;
    if (answered === undefined || answered === length) return answer;
    throw new EmbeddingError(
      "invalid",
      `${placeOf(dialect)} answered vectors of ${answered} numbers after ${length}: ` +
        "the model behind this URL has changed; reload the configuration",
    );
  }

  async function embedSpoken(texts: readonly string[], signal: AbortSignal): Promise<EmbeddingsAnswer> {
    const calls = caller.split(texts);
    const [only, ...more] = calls;
    if (only === undefined) return { vectors: [], inputTokens: undefined };
    if (more.length === 0) return learn(await caller.embed(only, signal));
    return joinAnswers(
      await together(signal, limit, calls, async (part, inner) => learn(await caller.embed(part, inner))),
    );
  }

  return {
    space,
    provider,
    model,
    get dimensions() {
      return length;
    },
    // Where calls take few texts, one round of calls: an `embed` then lasts no longer than elsewhere, and a retry
    // repeats little.
    maxBatch: Math.max(textsPerCall, maxConcurrentCalls),
    async embed(texts, signal) {
      if (signal.aborted) throw callerLeft(signal).at(placeOf(dialect));
      const tidied = texts.map(tidy);
      // Vendors refuse an empty text; it has no direction, so that its vector is zero without asking.
      const spoken = tidied.filter((text) => text !== "");
      const mustProbe = spoken.length === 0 && texts.length > 0 && length === undefined;
      const { vectors, inputTokens } = await embedSpoken(mustProbe ? [probe] : spoken, signal);
      let next = 0;
      const all = tidied.map(
        (text) => (text === "" ? undefined : vectors[next++]) ?? new Float32Array(length ?? 0),
      );
      return inputTokens === undefined ? { vectors: all } : { vectors: all, inputTokens };
    },
  };
}

/**
 * The results of `work` on each part, in order. When one fails the others are ended before any that waits for its turn
 * begins, and so they are when the caller leaves.
 */
async function together<Part, Value>(
  signal: AbortSignal,
  limit: Limit,
  parts: readonly Part[],
  work: (part: Part, signal: AbortSignal) => Promise<Value>,
): Promise<readonly Value[]> {
  const controller = new AbortController();
  // Every call listens, and every one that waits for its turn.
  setMaxListeners(0, controller.signal);
  const leave = () => controller.abort(callerLeft(signal));
  signal.addEventListener("abort", leave, { once: true });
  const attempt = async (part: Part) => {
    try {
      return await work(part, controller.signal);
    } catch (error) {
      controller.abort(error);
      throw error;
    }
  };
  try {
    return await Promise.all(parts.map((part) => limit(() => attempt(part), controller.signal)));
  } catch (error) {
    // One that was ended may settle before the one that failed.
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    signal.removeEventListener("abort", leave);
  }
}
