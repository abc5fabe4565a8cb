/** Retries with exponential back-off, for calls at load time: no request waits for them, but a start or a change does. */

import { pause } from "../../util/deadline.ts";
import type { Schedule } from "../../util/schedule.ts";
import { EmbeddingError } from "../embedding-error.ts";

/** Of a vendor that answers and cannot yet. With the waits below they span 2–4 s, longer when the vendor asks for it. */
const maxTries = 4;
/** Where nobody answers: nothing says that the next second is better, and what waits can be served without. A choice. */
const maxTriesUnanswered = 2;
const firstWaitMs = 500;
const longestWaitMs = 8_000;

/** A vendor that asks for more than this is not waited for: the caller learns it now and can serve without. */
const longestRetryAfterMs = 30_000;

export interface RetryServices {
  readonly schedule: Schedule;
  readonly random: () => number;
  readonly onRetry: (error: EmbeddingError, waitMs: number) => void;
}

/** Rejects with the last failure when it is not retryable, tries are used up, or the vendor asks for too long a wait. */
export async function withRetries<Value>(
  services: RetryServices,
  signal: AbortSignal,
  work: () => Promise<Value>,
): Promise<Value> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof EmbeddingError) || !isWorthRetrying(error, tries)) throw error;
      const waitMs = Math.max(error.retryAfterMs ?? 0, backOffMs(tries, services.random));
      services.onRetry(error, waitMs);
      await pause(waitMs, signal, services.schedule);
    }
  }
}

function isWorthRetrying(error: EmbeddingError, tries: number): boolean {
  return error.isRetryable && tries < mostTries(error) && (error.retryAfterMs ?? 0) <= longestRetryAfterMs;
}

function mostTries({ kind, status }: EmbeddingError): number {
  if (kind === "timeout") return 1; // a try has taken long enough already
  return status === undefined ? maxTriesUnanswered : maxTries;
}

/** "Equal jitter": half of the doubled wait is fixed, half is drawn, so that nodes that start together spread out. */
function backOffMs(tries: number, random: () => number): number {
  const ceiling = Math.min(longestWaitMs, firstWaitMs * 2 ** (tries - 1));
  return ceiling / 2 + (random() * ceiling) / 2;
}
