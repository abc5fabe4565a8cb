/** Targets and plugin settings for tests of the proxy. */

import { compileBaselines } from "../../src/accounting/baselines.ts";
import { createTargetPrices } from "../../src/accounting/target-price.ts";
import { roundRobin } from "../../src/balancer/algorithms/round-robin.ts";
import type { Balancer } from "../../src/balancer/balancer.ts";
import { createTargetPool, type TargetPoolServices } from "../../src/balancer/pool.ts";
import type { ModelOptions } from "../../src/providers/model-options.ts";
import { modelOptions } from "../../src/providers/model-options.ts";
import { openai } from "../../src/providers/openai.ts";
import type { Provider } from "../../src/providers/provider.ts";
import type { ChatProxySettings } from "../../src/proxy/chat-call.ts";
import { type FailoverCriterion, failoverRules, listedStatuses } from "../../src/proxy/failover.ts";
import { compileTarget, type ProxyTarget, type TargetSettings } from "../../src/proxy/target.ts";
import { createBalancerServices, defaultSettings } from "./balancing.ts";

export interface TargetFacts extends Partial<Omit<TargetSettings, "options" | "provider" | "chat">> {
  /** As in the config file. */
  readonly options?: Partial<ModelOptions>;
  readonly provider?: Provider;
}

/** A target of OpenAI's named `m<index>`, with a key and no price but the options', unless told otherwise. */
export function createProxyTarget(index: number, facts: TargetFacts = {}): ProxyTarget {
  const provider = facts.provider ?? openai;
  if (provider.chat === undefined) throw new Error(`${provider.name} has no chat`);
  const options = modelOptions.parse(facts.options ?? {});
  return compileTarget({
    index,
    id: `id-${index}`,
    place: `place-${index}`,
    weight: 1,
    description: undefined,
    examples: [],
    routeType: "llm/v1/chat",
    alias: undefined,
    modelName: `m${index}`,
    credentials: { headerName: "Authorization", headerValue: `Bearer key-${index}`, allowOverride: false },
    optionsMode: "default",
    logPayloads: false,
    prices: createTargetPrices(provider.name, options, { find: () => undefined }),
    ...facts,
    provider,
    chat: provider.chat,
    options,
  });
}

export interface SettingsFacts extends Partial<Omit<ChatProxySettings, "targets" | "rules" | "pool">> {
  readonly criteria?: readonly FailoverCriterion[];
  /** Default: round-robin. */
  readonly balancer?: Balancer;
  /** Default: 0, the breaker is off. */
  readonly maxFails?: number;
}

/** What a pool sees of the world; default: time stands still. */
export type PoolWorld = Partial<Pick<TargetPoolServices, "now" | "schedule" | "memory">>;

/**
 * Round-robin over these targets, five retries, failover on errors and timeouts, no breaker, no total timeout and no
 * holding back of streams, unless told otherwise.
 */
export function createProxySettings(
  targets: readonly ProxyTarget[],
  facts: SettingsFacts = {},
  world: PoolWorld = {},
): ChatProxySettings {
  const {
    criteria = ["error", "timeout"],
    maxFails = 0,
    balancer = roundRobin.create(defaultSettings, targets, createBalancerServices()),
    ...rest
  } = facts;
  const options = { maxFails, failTimeoutMs: 10_000, countedStatuses: listedStatuses(criteria) };
  return {
    pluginId: "plugin-1",
    plugin: "ai-proxy-advanced",
    algorithm: "round-robin",
    targets,
    pool: createTargetPool(balancer, targets, options, {
      ...createBalancerServices(),
      schedule: () => () => undefined,
      ...world,
    }),
    rules: failoverRules(criteria),
    retries: 5,
    connectTimeoutMs: 1000,
    writeTimeoutMs: 2000,
    readTimeoutMs: 2000,
    totalTimeoutMs: 0,
    streamHoldMs: 0,
    maxRequestBodySize: 1_048_576,
    modelNameHeader: true,
    responseStreaming: "allow",
    includeSystem: false,
    baselines: compileBaselines(
      targets.map(({ index, name, price }) => ({ index, name, price: price?.price })),
    ),
    holdout: 0,
    embeddingsProvider: "",
    ...rest,
  };
}
