/** The ways a call of a vendor fails, in the words of the embedder family. */
import { IdentityError } from "../../cloud-identity/token-source.ts";
import { type HttpCallAnswer, HttpCallError } from "../../http/http-call.ts";
import { retryAfterMs } from "../../http/retry-after.ts";
import { EmbeddingError } from "../embedding-error.ts";
import type { EmbeddingsDialect, EmbeddingsRefusal } from "./dialect.ts";
import { messageIn, presentable, type Sensitive } from "./vendor-message.ts";

/** Who was asked, for messages: `openai/text-embedding-3-small at api.openai.com`. */
export function placeOf({ provider, model, host }: EmbeddingsDialect): string {
  return `${provider}/${model} at ${host}`;
}

export function callerLeft(signal: AbortSignal): EmbeddingError {
  return new EmbeddingError("aborted", "the caller left", { cause: signal.reason });
}

/** What `HttpCall` or signing in rejected with; a message of neither may hold anything and stays in `cause`. */
export function fromThrown(error: unknown, signal: AbortSignal): EmbeddingError {
  if (error instanceof EmbeddingError) return error;
  if (signal.aborted && !(error instanceof HttpCallError)) return callerLeft(signal);
  if (error instanceof IdentityError)
    return new EmbeddingError("vendor", error.message, { cause: error, isRetryable: error.isRetryable });
  if (!(error instanceof HttpCallError))
    return new EmbeddingError("vendor", "the call failed", { cause: error, isRetryable: true });
  const kinds = { timeout: "timeout", aborted: "aborted", connection: "vendor", answer: "invalid" } as const;
  const isRetryable = error.kind === "timeout" || error.kind === "connection";
  return new EmbeddingError(kinds[error.kind], error.message, { cause: error, isRetryable });
}

/** What an answer that is not 2xx says, with nothing left out. */
export function readRefusal(dialect: EmbeddingsDialect, answer: HttpCallAnswer) {
  const { status, headers, body } = answer;
  const own: EmbeddingsRefusal = dialect.readRefusal?.(answer) ?? {};
  return {
    message: own.message ?? messageIn(body),
    isRetryable: own.isRetryable ?? (status === 408 || status === 429 || status >= 500),
    retryAfterMs: own.retryAfterMs ?? retryAfterMs(headers),
  };
}

export function refused(
  place: string,
  status: number,
  refusal: ReturnType<typeof readRefusal>,
  sensitive: Sensitive,
): EmbeddingError {
  const message = presentable(refusal.message, sensitive);
  return new EmbeddingError("vendor", `${place} answered ${status}${message === "" ? "" : `: ${message}`}`, {
    status,
    isRetryable: refusal.isRetryable,
    retryAfterMs: refusal.retryAfterMs,
  });
}

/** A 2xx answer that `cause` says something against. */
export function unusable(place: string, status: number, cause: unknown): EmbeddingError {
  const reason = cause instanceof Error ? cause.message : "unreadable";
  const message = `${place} answered ${status}, but ${reason}`;
  return new EmbeddingError("invalid", message, { cause, status, isRetryable: true });
}
