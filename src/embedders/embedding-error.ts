/** The one error of the embedder family. Its message is for the operator: no secret and no prompt is ever in it. */

/**
 * timeout: no answer within the deadline · breaker_open: not tried, because the last tries failed ·
 * vendor: unreachable, or refused the call · aborted: the caller left ·
 * invalid: an answer that cannot be used, e.g. vectors of another length than configured.
 */
export type EmbeddingErrorKind = "timeout" | "breaker_open" | "vendor" | "aborted" | "invalid";

export interface EmbeddingErrorOptions {
  readonly cause?: unknown;
  /** The vendor's HTTP status, where there was an answer. */
  readonly status?: number;
  /** The same call may succeed later. Default false. */
  readonly isRetryable?: boolean;
  /** How long the vendor asks to wait before the next try. */
  readonly retryAfterMs?: number | undefined;
}

export class EmbeddingError extends Error {
  readonly kind: EmbeddingErrorKind;
  readonly status: number | undefined;
  readonly isRetryable: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(kind: EmbeddingErrorKind, message: string, options: EmbeddingErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "EmbeddingError";
    this.kind = kind;
    this.status = options.status;
    this.isRetryable = options.isRetryable ?? false;
    this.retryAfterMs = options.retryAfterMs;
  }

  /** The same failure with where it happened in front: `openai/text-embedding-3-small at api.openai.com: …`. */
  at(place: string): EmbeddingError {
    return new EmbeddingError(this.kind, `${place}: ${this.message}`, {
      cause: this.cause ?? this,
      ...(this.status !== undefined && { status: this.status }),
      isRetryable: this.isRetryable,
      retryAfterMs: this.retryAfterMs,
    });
  }
}
