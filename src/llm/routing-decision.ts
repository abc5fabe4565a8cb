/** A routing decision as it is recorded: data only, so that records and headers need to know no algorithm. */

/** Why the request went where it went. Written to the log, the explain command and the response header. */
export interface RoutingDecision {
  readonly reason: DecisionReason;
  /** The words behind `reason`, for people. */
  readonly detail?: string;
  readonly threshold?: number;
  readonly metric?: "cosine" | "euclidean";
  /** Every group, nearest first; CATCHALL is not among them. */
  readonly groups: readonly GroupDistance[];
  /** How much nearer the winner was than the runner-up; undefined with fewer than two groups. */
  readonly margin?: number;
  /** True where a short follow-up was routed by the conversation before it. */
  readonly inherited?: boolean;
  /** How the prompt's vector was had. */
  readonly embedding?: {
    readonly model: string;
    readonly cached: boolean;
    readonly latencyMs: number;
    readonly inputTokens?: number;
    /** What the vector cost; 0 where it was cached or made in the process, absent where tokens or price are unknown. */
    readonly costUsd?: number;
  };
}

/**
 * matched: nearest group within the threshold · catchall: none was, CATCHALL took it ·
 * fallback: no embedding could be had · no_match: none was and there is no CATCHALL ·
 * balanced: an algorithm that does not look at the prompt · only: a single candidate ·
 * holdout: sent to the baseline to measure what routing saves; the groups tell where it would have gone.
 */
export type DecisionReason =
  | "matched"
  | "catchall"
  | "fallback"
  | "no_match"
  | "balanced"
  | "only"
  | "holdout";

export interface GroupDistance {
  readonly description: string;
  readonly targets: readonly string[];
  readonly distance: number;
  readonly within: boolean;
}
