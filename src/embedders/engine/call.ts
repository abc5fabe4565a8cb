/** A call of an embedder, held to its contract: it settles when told to, with as many vectors as texts. */

import { untilAborted, withDeadline } from "../../util/deadline.ts";
import type { Schedule } from "../../util/schedule.ts";
import type { Embedder, EmbeddingResult } from "../embedder.ts";
import { EmbeddingError } from "../embedding-error.ts";

/** Rejects with an `EmbeddingError`, or with the signal's reason when that is one. */
export async function callEmbedder(
  embedder: Embedder,
  texts: readonly string[],
  signal: AbortSignal,
): Promise<EmbeddingResult> {
  const result = await untilAborted(embedder.embed(texts, signal), signal).catch((thrown) => {
    throw toEmbeddingError(thrown, embedder);
  });
  if (result.vectors.length === texts.length) return result;
  throw new EmbeddingError(
    "invalid",
    `${nameOf(embedder)} gave ${result.vectors.length} vectors for ${texts.length} texts`,
  );
}

/** The vector of a single text. */
export function onlyVector(result: EmbeddingResult): Float32Array {
  const [vector] = result.vectors;
  if (vector === undefined) throw new EmbeddingError("invalid", "the embedder gave no vector");
  return vector;
}

export interface Bound {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly schedule: Schedule;
  /** What was asked of whom, for the message of a timeout. */
  readonly what: string;
}

/** `withDeadline` in the words of this family: rejects with kind `timeout` or `aborted`. */
export function bounded<Value>(bound: Bound, work: (signal: AbortSignal) => Promise<Value>): Promise<Value> {
  const { signal, timeoutMs, schedule, what } = bound;
  const timedOut = () =>
    new EmbeddingError("timeout", `no ${what} within ${timeoutMs} ms`, { isRetryable: true });
  return withDeadline({ signal, timeoutMs, schedule, timedOut, left: () => callerLeft(signal) }, work);
}

function callerLeft(signal: AbortSignal): EmbeddingError {
  return new EmbeddingError("aborted", "the caller left", { cause: signal.reason });
}

export function nameOf(embedder: Embedder): string {
  return `${embedder.provider}/${embedder.model}`;
}

/** The message of an unknown error may hold anything, the prompt included: it stays in `cause`. */
export function toEmbeddingError(thrown: unknown, embedder: Embedder): EmbeddingError {
  if (thrown instanceof EmbeddingError) return thrown;
  return new EmbeddingError("vendor", `${nameOf(embedder)} failed unexpectedly`, { cause: thrown });
}
