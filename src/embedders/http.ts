/** What an embedder needs of HTTP: one POST with a deadline. Tests hand in a function. */

export interface EmbeddingHttpRequest {
  readonly url: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
  /** Bound on the whole call, from connecting to the last byte. */
  readonly timeoutMs: number;
}

export interface EmbeddingHttpAnswer {
  readonly status: number;
  /** Lower-case names; repeated ones joined with ", ". */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Resolves with any answer that came whole, whatever its status. Rejects with an `EmbeddingError` of kind `timeout`,
 * `aborted` or `vendor` (not reachable, connection lost, answer too large).
 */
export type EmbeddingTransport = (request: EmbeddingHttpRequest) => Promise<EmbeddingHttpAnswer>;
