/** Merges a target's options into the client's request. */
import type { ChatRequest } from "../llm/chat.ts";

export interface MergeOptions {
  readonly max_tokens?: number | undefined;
  readonly temperature?: number | undefined;
  readonly top_p?: number | undefined;
  readonly top_k?: number | undefined;
}

/**
 * `default`: a client's temperature, top_p and top_k win; the target's max_tokens is a ceiling the client can lower.
 * `enforce`: whatever the target sets wins.
 */
export type OptionsMode = "default" | "enforce";

/** A new request with the target's options; the client's own object is not touched. */
export function mergeOptions(request: ChatRequest, options: MergeOptions, mode: OptionsMode): ChatRequest {
  const merged: { -readonly [Key in keyof ChatRequest]: ChatRequest[Key] } = { ...request };
  for (const name of ["temperature", "top_p", "top_k"] as const) {
    const configured = options[name];
    if (configured === undefined) continue;
    if (mode === "enforce" || typeof request[name] !== "number") merged[name] = configured;
  }
  if (options.max_tokens !== undefined) limitTokens(merged, options.max_tokens, mode);
  return merged;
}

/** OpenAI has two names for the limit; a client may send either or both, and the lowest of all limits holds. */
function limitTokens(
  merged: { max_tokens?: unknown; max_completion_tokens?: unknown },
  ceiling: number,
  mode: OptionsMode,
): void {
  const name = isCount(merged.max_completion_tokens) ? "max_completion_tokens" : "max_tokens";
  const asked = [merged.max_tokens, merged.max_completion_tokens].filter(isCount);
  const other = name === "max_tokens" ? "max_completion_tokens" : "max_tokens";
  if (other in merged) delete merged[other];
  merged[name] = mode === "default" ? Math.min(ceiling, ...asked) : ceiling;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value > 0;
}
