/** What the schema alone cannot say of the config. */
import { checkRedis } from "../../redis/options.ts";
import type { Finding } from "../plugin.ts";
import { isAddress } from "./conditions.ts";
import {
  type ConditionConfig,
  customCost,
  type PolicyConfig,
  type RateLimitingConfig,
  requestPrompt,
} from "./config.ts";

type Path = Finding["path"];

/** USD that can be counted in whole pico-USD by a server's 64-bit integers. */
const mostUsd = 9_000_000;

/** A window ends in milliseconds that a number can hold; far above a year. */
const mostSeconds = 1e9;

export function checkRateLimiting(config: RateLimitingConfig): readonly Finding[] {
  return [
    ...checkModes(config),
    ...checkCode(config),
    ...(config.llm_providers ?? []).flatMap((provider, at) => checkProvider(provider, at, config)),
    ...(config.policies ?? []).flatMap((policy, at) => checkPolicy(policy, ["policies", at])),
    ...checkIdentifier(config),
    ...checkStrategy(config),
    ...checkAnswers(config),
  ];
}

function error(path: Path, message: string): Finding {
  return { severity: "error", path, message };
}

function checkModes({ llm_providers, policies }: RateLimitingConfig): readonly Finding[] {
  const [hasProviders, hasPolicies] = [(llm_providers?.length ?? 0) > 0, (policies?.length ?? 0) > 0];
  if (hasProviders && hasPolicies)
    return [error(["policies"], "cannot be set together with llm_providers: give one of the two")];
  return hasProviders || hasPolicies
    ? []
    : [error(["policies"], "must be set, or llm_providers: there is no limit")];
}

function checkCode(config: RateLimitingConfig): readonly Finding[] {
  const fields = ["request_prompt_count_function", "custom_cost_count_function"] as const;
  return fields.flatMap((field) =>
    config[field] === undefined
      ? []
      : [error([field], "is Lua code, which is not run here, and without it other limits would hold")],
  );
}

function checkProvider(
  { limit, name, window_size }: NonNullable<RateLimitingConfig["llm_providers"]>[number],
  at: number,
  config: RateLimitingConfig,
): readonly Finding[] {
  const path = ["llm_providers", at];
  if (name === customCost)
    return [
      error(
        [...path, "name"],
        "needs Lua code (custom_cost_count_function), which is not run here: count cost",
      ),
    ];
  if (limit.length === 0 || limit.length !== window_size.length)
    return [error([...path, "limit"], "must have as many entries as window_size, and at least one")];
  const strategy = name === requestPrompt ? "prompt_tokens" : config.tokens_count_strategy;
  return limit.flatMap((value, index) => [
    ...checkLimit(value, strategy, [...path, "limit", index]),
    ...checkWindow(window_size[index] ?? 0, [...path, "window_size", index]),
  ]);
}

function checkPolicy({ id, limits, match }: PolicyConfig, path: Path): readonly Finding[] {
  if (id !== undefined)
    return [
      error(
        [...path, "id"],
        "names a policy kept in a database, of which there is none: give its limits here",
      ),
    ];
  if (limits === undefined) return [error([...path, "limits"], "must be set")];
  const findings = limits.flatMap(({ limit, tokens_count_strategy, window_size }, at) => [
    ...checkLimit(limit, tokens_count_strategy, [...path, "limits", at, "limit"]),
    ...checkWindow(window_size, [...path, "limits", at, "window_size"]),
  ]);
  const conditions = (match ?? []).flatMap((each, at) => checkCondition(each, [...path, "match", at]));
  return [...findings, ...conditions];
}

/** What a condition's `key` may be, where it is one of a few. */
const conditionKeys: Readonly<Record<string, readonly string[]>> = {
  consumer: ["id", "username", "custom_id"],
  consumer_group: ["id", "name"],
};

function checkCondition({ key, type, values = [] }: ConditionConfig, path: Path): readonly Finding[] {
  if (type === "ip" && !values.every(isAddress))
    return [error([...path, "values"], "must be addresses, or ranges as 10.0.0.0/8")];
  if (type === "header")
    return key === undefined ? [error([...path, "key"], "must be set: the name of the header")] : [];
  if (key === undefined) return [];
  const known = conditionKeys[type];
  if (known?.includes(key) === true) return [];
  if (known !== undefined) return [error([...path, "key"], `must be one of ${known.join(", ")}`)];
  return [{ severity: "warning", path: [...path, "key"], message: `says nothing for ${type}` }];
}

function checkLimit(limit: number, strategy: string, path: Path): readonly Finding[] {
  if (!(limit > 0)) return [error(path, "must be greater than 0")];
  if (strategy === "cost") return limit > mostUsd ? [error(path, `must be at most ${mostUsd} USD`)] : [];
  return Number.isSafeInteger(limit) ? [] : [error(path, "must be a whole number of tokens")];
}

function checkWindow(seconds: number, path: Path): readonly Finding[] {
  const isFit = seconds > 0 && seconds <= mostSeconds && Number.isInteger(seconds * 1000);
  return isFit ? [] : [error(path, "must be a number of seconds greater than 0, with whole milliseconds")];
}

function checkIdentifier({ header_name, identifier, path }: RateLimitingConfig): readonly Finding[] {
  if (identifier === "header" && header_name === undefined)
    return [error(["header_name"], "must be set for identifier header")];
  if (identifier === "path" && path === undefined)
    return [error(["path"], "must be set for identifier path")];
  if (path !== undefined && (!path.startsWith("/") || path.includes("//")))
    return [error(["path"], "must begin with / and have no empty part")];
  return [];
}

function checkStrategy(config: RateLimitingConfig): readonly Finding[] {
  const { redis, strategy, sync_rate } = config;
  const findings: Finding[] = [];
  if (strategy === "cluster")
    findings.push(
      error(["strategy"], "cluster needs Kong's database, of which there is none: use redis or local"),
    );
  if (strategy === "redis" && redis === undefined)
    findings.push(error(["redis"], "must be set for strategy redis"));
  if (sync_rate !== undefined && sync_rate !== -1 && sync_rate !== 0 && sync_rate < 0.02)
    findings.push(error(["sync_rate"], "must be -1, 0, or at least 0.02"));
  return [...findings, ...checkRedis(redis).map(({ message, path }) => error(path, message))];
}

function checkAnswers(config: RateLimitingConfig): readonly Finding[] {
  const findings: Finding[] = [];
  const { error_code, error_message, retry_after_jitter_max } = config;
  if (!Number.isInteger(error_code) || error_code < 400 || error_code > 599)
    findings.push(error(["error_code"], "must be the status of an error, 400 to 599"));
  if (retry_after_jitter_max < 0) findings.push(error(["retry_after_jitter_max"], "must not be negative"));
  if (error_message === "") findings.push(error(["error_message"], "must not be empty"));
  return findings;
}
