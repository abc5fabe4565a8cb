/** Tokens of one exchange, in one vocabulary for every vendor. */

export interface Usage {
  /** Every token of the input, cached ones included. */
  readonly inputTokens: number;
  /** Every token of the output, reasoning included. */
  readonly outputTokens: number;
  /** The part of `inputTokens` read from the vendor's prompt cache. */
  readonly cachedInputTokens?: number;
  /** The part of `inputTokens` written to the vendor's prompt cache. */
  readonly cacheWriteTokens?: number;
  /**
   * The parts of `cacheWriteTokens` by the life of the entry as the vendor names it (`5m`, `1h`). What they leave of the
   * whole has a life that the vendor did not tell.
   */
  readonly cacheWriteTokensByTtl?: Readonly<Record<string, number>>;
  /** The part of `outputTokens` spent on reasoning. */
  readonly reasoningTokens?: number;
  /** The part of `inputTokens` that is sound. */
  readonly audioInputTokens?: number;
  /** The part of `outputTokens` that is sound. */
  readonly audioOutputTokens?: number;
  /** The part of `outputTokens` that the client's prediction had right. */
  readonly acceptedPredictionTokens?: number;
  /** The part of `outputTokens` that it had wrong, and that is charged for all the same. */
  readonly rejectedPredictionTokens?: number;
  /** The service tier that the vendor says it used, in its own word. */
  readonly serviceTier?: string;
  /** True where the vendor gave no count and we estimated one. */
  readonly estimated?: boolean;
}
