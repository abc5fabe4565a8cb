/** Why a request is refused, and when it may come again. */
import { type Decision, hasRoom } from "../../budgets/counters.ts";
import { GatewayError } from "../../errors.ts";
import type { RateLimitingConfig } from "./config.ts";
import type { Plan } from "./plan.ts";

export interface Refusal {
  /** Of the policies or providers whose limits have no room. */
  readonly names: readonly string[];
  /** Until there is room. */
  readonly retryAfterMs: number;
  /** There never will be: the request alone may use more than the limit. */
  readonly isTooLarge: boolean;
}

export function refusalOf(
  { applied, ask, providers }: Plan,
  { hasRoom: openings, states }: Decision,
): Refusal {
  const isOver = (at: number) => !hasRoom(ask.claims[at], states[at]?.used);
  const waitFor = (claims: readonly number[]) =>
    Math.max(0, ...claims.filter(isOver).map((at) => states[at]?.resetAfterMs ?? 0));
  // Of the alternatives one is enough, where it is they that are over.
  const isClosed = providers.length > 0 && !openings.includes(true);
  const alternative = isClosed ? Math.min(...ask.alternatives.map(waitFor)) : 0;
  const guilty = [...ask.required, ...(isClosed ? ask.alternatives.flat() : [])].filter(isOver);
  return {
    names: [...new Set(guilty.map((at) => applied[at]?.policy.name ?? ""))],
    retryAfterMs: Math.max(waitFor(ask.required), alternative),
    isTooLarge: guilty.some((at) => !hasRoom(ask.claims[at])),
  };
}

/** In the words of the config. `random`: 0 ≤ x < 1. */
export function refusalError(
  { isTooLarge, names, retryAfterMs }: Refusal,
  config: RateLimitingConfig,
  random: () => number,
): GatewayError {
  const { error_code, error_hide_providers, error_message, retry_after_jitter_max } = config;
  const asksForNames = /:\s*$/.test(error_message);
  const bare = error_message.replace(/:\s*$/, "");
  const text = !asksForNames ? error_message : error_hide_providers ? bare : `${bare}: ${names.join(", ")}`;
  if (isTooLarge)
    return new GatewayError(
      "rate_limit_exceeded",
      { text: `${text} (this request alone may use more than the limit: ask for fewer max_tokens)` },
      { status: error_code },
    );
  const retryAfterSeconds = secondsOf(retryAfterMs) + random() * retry_after_jitter_max;
  return new GatewayError("rate_limit_exceeded", { text }, { status: error_code, retryAfterSeconds });
}

/** Whole seconds, at least one: nobody is to come back too early. */
export function secondsOf(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000));
}
