/** An attempt that did not give an answer: another target may try, or the client is told. */
import type { Reply } from "../http/reply.ts";

export interface FailedAttempt {
  /** The failover rules allow another target to try. */
  readonly mayRepeat: boolean;
  /** What the client gets if none does; may throw instead. */
  conclude(): Reply;
  /** Frees what is held of the failed call. */
  discard(): void;
}

/** One that leaves nothing behind, and that the client is told of with an error. */
export function failedAttempt(mayRepeat: boolean, error: Error): FailedAttempt {
  return {
    mayRepeat,
    conclude: () => {
      throw error;
    },
    discard: () => undefined,
  };
}

export function isFailed(result: Reply | FailedAttempt): result is FailedAttempt {
  return "mayRepeat" in result;
}
