/** The config's limits as the running plugin reads them: both modes become policies. */
import { createHash } from "node:crypto";
import { inUnits, type Strategy } from "../../budgets/amounts.ts";
import { Expectation } from "../../budgets/expectation.ts";
import type { Exchange } from "../../http/exchange.ts";
import { LruMap } from "../../util/lru.ts";
import { type Condition, compileCondition, identify, type Subject } from "./conditions.ts";
import { type PolicyConfig, type RateLimitingConfig, requestPrompt } from "./config.ts";

export interface Policy {
  /** `policy-1`, or the provider: what clients and records see. */
  readonly name: string;
  readonly limits: readonly PolicyLimit[];
  /** Only for requests that no other policy matches. */
  readonly isFallback: boolean;
  /** The count is the prompt's, whatever a model says of it. */
  readonly isOfRequests: boolean;
  /** Refused requests count too. */
  readonly hasPenalty: boolean;
  readonly expectation: Expectation;
  /** Who shares a count; undefined: the policy is not for this request. */
  identify(subject: Subject, provider: string): string | undefined;
}

export interface PolicyLimit {
  readonly strategy: Strategy;
  /** As in the config: tokens or USD. */
  readonly limit: number;
  /** In the unit that is counted. */
  readonly units: number;
  readonly sizeMs: number;
  readonly isSliding: boolean;
  /** In the names of headers. */
  readonly window: string;
  /** Without who is counted. */
  readonly key: string;
}

export function compilePolicies(config: RateLimitingConfig, pluginId: string): readonly Policy[] {
  const byIdentifier = identify(config, pluginId);
  return [
    ...(config.policies ?? []).map((policy, at) => compilePolicy(policy, `policy-${at + 1}`)),
    ...(config.llm_providers ?? []).map((provider) => compileProvider(provider, config, byIdentifier)),
  ];
}

function compilePolicy({ limits = [], match = [], window_type }: PolicyConfig, name: string): Policy {
  const conditions = match.map(compileCondition);
  return {
    name,
    isFallback: conditions.length === 0,
    isOfRequests: false,
    hasPenalty: false,
    expectation: new Expectation(),
    limits: limits.map(({ limit, tokens_count_strategy, window_size }) =>
      compileLimit(name, { limit, seconds: window_size, strategy: tokens_count_strategy, window_type }),
    ),
    identify: (subject, provider) => identityBy(conditions, subject, provider),
  };
}

function identityBy(
  conditions: readonly Condition[],
  subject: Subject,
  provider: string,
): string | undefined {
  const parts: string[] = [];
  for (const { find, isPartition } of conditions) {
    const value = find(subject, provider);
    if (value === undefined) return undefined;
    if (isPartition) parts.push(value);
  }
  return JSON.stringify(parts);
}

function compileProvider(
  { limit, name, window_size }: NonNullable<RateLimitingConfig["llm_providers"]>[number],
  { disable_penalty, tokens_count_strategy, window_type }: RateLimitingConfig,
  byIdentifier: (exchange: Exchange) => string,
): Policy {
  const isOfRequests = name === requestPrompt;
  const strategy = isOfRequests ? "prompt_tokens" : tokens_count_strategy;
  return {
    name,
    isFallback: false,
    isOfRequests,
    expectation: new Expectation(),
    limits: limit.map((value, at) =>
      compileLimit(name, { limit: value, seconds: window_size[at] ?? 0, strategy, window_type }),
    ),
    identify: ({ exchange }, provider) =>
      isOfRequests || name === provider ? byIdentifier(exchange) : undefined,
    hasPenalty: isOfRequests && window_type === "sliding" && !disable_penalty,
  };
}

interface LimitFacts {
  readonly limit: number;
  readonly seconds: number;
  readonly strategy: Strategy;
  readonly window_type: PolicyConfig["window_type"];
}

function compileLimit(policy: string, { limit, seconds, strategy, window_type }: LimitFacts): PolicyLimit {
  return {
    strategy,
    limit,
    units: inUnits(strategy, limit),
    sizeMs: seconds * 1000,
    isSliding: window_type === "sliding",
    window: windowNames[seconds] ?? String(seconds),
    key: `${policy}/${strategy}/${seconds}/${window_type}`,
  };
}

const windowNames: Readonly<Record<number, string>> = { 60: "minute", 3600: "hour" };

/** Of so many callers the name is remembered: a choice, a few hundred kilobytes. */
const remembered = 4_096;

/** Makes keys of counters: who is counted may be a header's value, so that only its hash is told to anybody. */
export function createKeys(): (limit: PolicyLimit, identity: string) => string {
  const hashes = new LruMap<string, string>(remembered);
  return ({ key }, identity) => {
    let hash = hashes.get(identity);
    if (hash === undefined) {
      hash = createHash("sha256").update(identity).digest("base64url").slice(0, 22);
      hashes.set(identity, hash);
    }
    return `${key}/${hash}`;
  };
}
