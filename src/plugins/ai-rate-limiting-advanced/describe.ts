/** What is bounded, in lines for people. */
import type { ConditionConfig, RateLimitingConfig } from "./config.ts";

export function describeLimits(config: RateLimitingConfig): readonly string[] {
  return [...providerLines(config), ...policyLines(config), ...modeLines(config)];
}

const units: Readonly<Record<RateLimitingConfig["tokens_count_strategy"], string>> = {
  total_tokens: "tokens",
  prompt_tokens: "tokens of the prompt",
  completion_tokens: "tokens of the answer",
  cost: "USD",
};

function providerLines({
  identifier,
  llm_providers = [],
  tokens_count_strategy,
  window_type,
}: RateLimitingConfig): readonly string[] {
  return llm_providers.flatMap(({ limit, name, window_size }) =>
    limit.map(
      (value, at) =>
        `${name}  at most ${value} ${units[tokens_count_strategy]} in ${window_size[at]} s (${window_type}), by ${identifier}`,
    ),
  );
}

function policyLines({ policies = [] }: RateLimitingConfig): readonly string[] {
  return policies.flatMap(({ limits = [], match = [], window_type }, index) =>
    limits.map(
      ({ limit, tokens_count_strategy, window_size }) =>
        `policy-${index + 1}  at most ${limit} ${units[tokens_count_strategy]} in ${window_size} s (${window_type}), ${whom(match)}`,
    ),
  );
}

function whom(match: readonly ConditionConfig[]): string {
  if (match.length === 0) return "for all others together";
  const words = match.map(({ key, partition_by, type, values = [] }) => {
    const what = key === undefined ? type : `${type} ${key}`;
    const which = values.length === 0 ? `any ${what}` : `${what} ${values.join(" or ")}`;
    return partition_by ? `${which}, each for itself` : which;
  });
  return `for ${words.join(" and ")}`;
}

const reservations: Readonly<Record<RateLimitingConfig["reserve"], string>> = {
  expected: "what requests are expected to use is reserved",
  ceiling: "the most that requests may use is reserved, and has to fit",
  none: "only when requests have ended",
};

function modeLines({
  on_exceeded,
  reserve,
  soft_threshold,
  strategy,
  sync_rate,
}: RateLimitingConfig): readonly string[] {
  const counted =
    strategy === "redis" && sync_rate !== -1
      ? "counted in Redis, by all gateways together"
      : "counted in this gateway, by its workers together";
  return [
    `${counted}; ${reservations[reserve]}`,
    ...(on_exceeded === "cheapest"
      ? [`from ${soft_threshold * 100} % on only the cheapest targets are called`]
      : []),
  ];
}
