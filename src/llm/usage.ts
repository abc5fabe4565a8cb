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
  /** The part of `outputTokens` spent on reasoning. */
  readonly reasoningTokens?: number;
  /** True where the vendor gave no count and we estimated one. */
  readonly estimated?: boolean;
}
