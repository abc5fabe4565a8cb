/** Targets and plugin settings for tests of the proxy. */

import { roundRobin } from "../../src/balancer/algorithms/round-robin.ts";
import type { ModelOptions } from "../../src/providers/model-options.ts";
import { modelOptions } from "../../src/providers/model-options.ts";
import { openai } from "../../src/providers/openai.ts";
import type { Provider } from "../../src/providers/provider.ts";
import type { ChatProxySettings } from "../../src/proxy/chat-call.ts";
import { type FailoverCriterion, failoverRules } from "../../src/proxy/failover.ts";
import { compileTarget, type ProxyTarget, type TargetSettings } from "../../src/proxy/target.ts";
import { createBalancerServices, defaultSettings } from "./balancing.ts";

export interface TargetFacts extends Partial<Omit<TargetSettings, "options" | "provider" | "chat">> {
  /** As in the config file. */
  readonly options?: Partial<ModelOptions>;
  readonly provider?: Provider;
}

/** A target of OpenAI's named `m<index>`, with a key, unless told otherwise. */
export function createProxyTarget(index: number, facts: TargetFacts = {}): ProxyTarget {
  const provider = facts.provider ?? openai;
  if (provider.chat === undefined) throw new Error(`${provider.name} has no chat`);
  return compileTarget({
    index,
    id: `id-${index}`,
    weight: 1,
    description: undefined,
    examples: [],
    routeType: "llm/v1/chat",
    alias: undefined,
    modelName: `m${index}`,
    credentials: { headerName: "Authorization", headerValue: `Bearer key-${index}`, allowOverride: false },
    optionsMode: "default",
    logPayloads: false,
    ...facts,
    provider,
    chat: provider.chat,
    options: modelOptions.parse(facts.options ?? {}),
  });
}

export interface SettingsFacts extends Partial<Omit<ChatProxySettings, "targets" | "rules">> {
  readonly criteria?: readonly FailoverCriterion[];
}

/** Round-robin over these targets, five retries, failover on errors and timeouts, unless told otherwise. */
export function createProxySettings(
  targets: readonly ProxyTarget[],
  facts: SettingsFacts = {},
): ChatProxySettings {
  const { criteria = ["error", "timeout"], ...rest } = facts;
  return {
    pluginId: "plugin-1",
    plugin: "ai-proxy-advanced",
    algorithm: "round-robin",
    targets,
    balancer: roundRobin.create(defaultSettings, targets, createBalancerServices()),
    rules: failoverRules(criteria),
    retries: 5,
    connectTimeoutMs: 1000,
    readTimeoutMs: 2000,
    maxRequestBodySize: 1_048_576,
    modelNameHeader: true,
    responseStreaming: "allow",
    includeSystem: false,
    labels: { vectorDb: "", embeddingsProvider: "", embeddingsModel: "" },
    ...rest,
  };
}
