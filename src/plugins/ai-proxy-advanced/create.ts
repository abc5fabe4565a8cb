/** Builds the running plugin from its config: everything that can be worked out before a request is worked out here. */
import { createHash } from "node:crypto";
import { compileBaselines } from "../../accounting/baselines.ts";
import { priceTable } from "../../accounting/price-table.ts";
import { createTargetPrices } from "../../accounting/target-price.ts";
import { findAlgorithm } from "../../balancer/algorithms/index.ts";
import type {
  Balancer,
  BalancerServices,
  BalancerSettings,
  SemanticSettings,
} from "../../balancer/balancer.ts";
import type { HealthCheckOptions } from "../../balancer/health-check.ts";
import { createTargetPool, type TargetPool } from "../../balancer/pool.ts";
import { type GatewayError, toGatewayError } from "../../errors.ts";
import { isJsonObject } from "../../llm/json.ts";
import { findProvider } from "../../providers/index.ts";
import { modelPlace } from "../../providers/model-place.ts";
import type { ChatProxySettings } from "../../proxy/chat-call.ts";
import { chooseTarget, proxyChat } from "../../proxy/chat-proxy.ts";
import { asChatRequest } from "../../proxy/chat-request.ts";
import { failoverRules, listedStatuses } from "../../proxy/failover.ts";
import { compileTarget, type ProxyTarget } from "../../proxy/target.ts";
import type { ExplainRequest, Explanation, Plugin, PluginMeta, PluginServices } from "../plugin.ts";
import type { AiProxyAdvancedConfig } from "./config.ts";
import { describePrice } from "./describe-price.ts";
import { baselineIndex } from "./savings-options.ts";
import { type OpenSemantic, openSemantic } from "./semantic.ts";
import { openState } from "./state.ts";
import type { TargetOptions } from "./target-options.ts";

/** The plugin for a config that the schema and the checks have accepted. */
export function createChatPlugin(
  name: string,
  config: AiProxyAdvancedConfig,
  services: PluginServices,
  meta: PluginMeta,
): Plugin {
  const ids = namesOf(config.targets);
  const places = namesOf(config.targets.map(({ route_type, model }) => [route_type, modelPlace(model)]));
  const targets = config.targets.map((target, index) =>
    buildTarget(target, index, { id: ids[index] ?? "", place: places[index] ?? "" }, config),
  );
  const semantic =
    config.balancer.algorithm === "semantic" ? openSemantic(config, services, meta) : undefined;
  const balancer = createBalancer(config, targets, services, meta, semantic);
  const pool = createPool(balancer, config, targets, services, meta);
  const state = openState(config, services, meta);
  const outside = [semantic, state].filter((part) => part !== undefined);
  const settings: ChatProxySettings = {
    pluginId: meta.id,
    plugin: name,
    algorithm: config.balancer.algorithm,
    targets,
    pool,
    rules: failoverRules(config.balancer.failover_criteria),
    retries: config.balancer.retries,
    connectTimeoutMs: config.balancer.connect_timeout,
    writeTimeoutMs: config.balancer.write_timeout,
    readTimeoutMs: config.balancer.read_timeout,
    totalTimeoutMs: config.balancer.total_timeout,
    streamHoldMs: config.balancer.stream_hold,
    maxRequestBodySize: config.max_request_body_size,
    modelNameHeader: config.model_name_header,
    responseStreaming: config.response_streaming,
    includeSystem: config.balancer.semantic.include_system,
    ...savingsOf(config, targets),
    embeddingsProvider: semantic?.services.embedding.embedder.provider ?? "",
  };
  return {
    ...(balancer.start !== undefined && {
      start: (signal: AbortSignal) => balancer.start?.(signal) ?? Promise.resolve(),
    }),
    access: (exchange) => proxyChat(exchange, settings, services),
    explain: (request, signal) => explain(request, settings, signal),
    describe: () => describePlugin(config, targets, semantic),
    targets: () => pool.status(),
    health: () => outside.flatMap((part) => part.health()),
    probe: async (signal) => (await Promise.all(outside.map((part) => part.probe(signal)))).flat(),
    async forget(signal) {
      await Promise.all(outside.map((part) => part.forget(signal)));
    },
    async close() {
      // First of all, so that the others are told once more what is remembered.
      const closing = outside.map((part) => part.close());
      pool.close();
      balancer.close?.();
      await Promise.all(closing);
    },
  };
}

function buildTarget(
  target: TargetOptions,
  index: number,
  names: Pick<ProxyTarget, "id" | "place">,
  config: AiProxyAdvancedConfig,
): ProxyTarget {
  const provider = findProvider(target.model.provider);
  if (provider?.chat === undefined)
    throw new Error(`no transformer for ${target.model.provider}://${target.route_type}`);
  return compileTarget({
    index,
    ...names,
    weight: target.weight,
    description: target.description,
    examples: target.examples ?? [],
    provider,
    chat: provider.chat,
    routeType: target.route_type,
    alias: target.model.model_alias,
    modelName: target.model.name === "" ? undefined : target.model.name,
    options: target.model.options,
    prices: createTargetPrices(provider.name, target.model.options, priceTable),
    credentials: {
      headerName: target.auth.header_name,
      headerValue: target.auth.header_value,
      paramName: target.auth.param_name,
      paramValue: target.auth.param_value,
      paramLocation: target.auth.param_location,
      allowOverride: target.auth.allow_override,
    },
    optionsMode: target.options_mode ?? config.options_mode,
    logPayloads: target.logging.log_payloads,
  });
}

/** Throws an `Error` that names the setting where a share is to go to a baseline that nobody knows. */
function savingsOf(
  { savings, targets: options }: AiProxyAdvancedConfig,
  targets: readonly ProxyTarget[],
): Pick<ChatProxySettings, "baselines" | "holdout"> {
  const priced = targets.map(({ index, name, price }) => ({ index, name, price: price?.price }));
  const baselines = compileBaselines(priced, priced[baselineIndex(savings, options) ?? -1]);
  if (savings.holdout > 0 && baselines.strongest === undefined) {
    throw new Error(
      "savings.holdout needs a baseline: name a target in savings.baseline, or give every target a price, so that the dearest is known",
    );
  }
  return { baselines, holdout: savings.holdout };
}

/** A name for each by its content, equal ones told apart by their order. Hashed, because a content may have credentials in it. */
function namesOf(contents: readonly object[]): readonly string[] {
  const seen = new Map<string, number>();
  return contents.map((content) => {
    const hash = createHash("sha256").update(JSON.stringify(content)).digest("hex").slice(0, 16);
    const count = seen.get(hash) ?? 0;
    seen.set(hash, count + 1);
    return count === 0 ? hash : `${hash}-${count}`;
  });
}

function createBalancer(
  config: AiProxyAdvancedConfig,
  targets: readonly ProxyTarget[],
  services: PluginServices,
  meta: PluginMeta,
  semantic: OpenSemantic | undefined,
): Balancer {
  const settings: BalancerSettings = {
    hashOnHeader: config.balancer.hash_on_header.toLowerCase(),
    slots: config.balancer.slots,
    latencyStrategy: config.balancer.latency_strategy,
    tokensCountStrategy: config.balancer.tokens_count_strategy,
    usageHalfLifeMs: config.balancer.usage_half_life,
    connectTimeoutMs: config.balancer.connect_timeout,
    readTimeoutMs: config.balancer.read_timeout,
    ...(semantic !== undefined && { semantic: semantic.settings }),
  };
  const make = (name: string, more: Partial<BalancerServices> = {}) => {
    const definition = findAlgorithm(name);
    if (definition === undefined)
      throw new Error(`balancer.algorithm ${name} is not supported by this version`);
    const { now, random, log } = services;
    return definition.create(settings, targets, {
      now,
      random,
      log,
      memory: services.targets.of(meta.id, name),
      ...more,
    });
  };
  const { algorithm } = config.balancer;
  if (semantic === undefined) return make(algorithm);
  const { groupPolicy } = semantic.settings;
  const inner = isOwnPolicy(groupPolicy) ? undefined : make(groupPolicy);
  return make(algorithm, { semantic: { ...semantic.services, inner } });
}

/** What the semantic algorithm does inside a group by itself. */
function isOwnPolicy(policy: SemanticSettings["groupPolicy"]): boolean {
  return policy === "weighted" || policy === "strict";
}

/** Last of all that is made: it holds on to what is remembered of the targets until it is closed. */
function createPool(
  balancer: Balancer,
  config: AiProxyAdvancedConfig,
  targets: readonly ProxyTarget[],
  services: PluginServices,
  meta: PluginMeta,
): TargetPool<ProxyTarget> {
  const { max_fails, fail_timeout, failover_criteria } = config.balancer;
  return createTargetPool(
    balancer,
    targets,
    {
      maxFails: max_fails,
      failTimeoutMs: fail_timeout,
      countedStatuses: listedStatuses(failover_criteria),
      healthChecks: healthChecksOf(config.targets),
    },
    {
      now: services.now,
      random: services.random,
      schedule: services.schedule,
      log: services.log,
      // Whoever only looks asks nobody.
      ...(services.purpose === "serve" && { call: services.call }),
      memory: services.targets.of(meta.id, "health"),
      letGo: services.targets.hold(meta.id, targets),
    },
  );
}

/** By the target's place in the config. */
function healthChecksOf(targets: readonly TargetOptions[]): ReadonlyMap<number, HealthCheckOptions> {
  const checks = new Map<number, HealthCheckOptions>();
  for (const [index, { health_check }] of targets.entries()) {
    if (health_check === undefined) continue;
    const { url, interval, timeout, unhealthy_after, healthy_after, expected_statuses } = health_check;
    checks.set(index, {
      url,
      intervalMs: interval,
      timeoutMs: timeout,
      unhealthyAfter: unhealthy_after,
      healthyAfter: healthy_after,
      ...(expected_statuses !== undefined && { expectedStatuses: expected_statuses }),
    });
  }
  return checks;
}

/** What runs, in lines for people. */
function describePlugin(
  config: AiProxyAdvancedConfig,
  targets: readonly ProxyTarget[],
  semantic: OpenSemantic | undefined,
): readonly string[] {
  const { algorithm, retries, max_fails, fail_timeout } = config.balancer;
  const lines = [`balancer ${algorithm}, at most ${retries} retries`];
  if (max_fails > 0) lines.push(`a target is left out for ${fail_timeout} ms after ${max_fails} failures`);
  if (semantic !== undefined) {
    const { embedder } = semantic.services.embedding;
    lines.push(
      `prompts embedded by ${embedder.provider}/${embedder.model}, descriptions in ${semantic.strategy}`,
      `matches within ${semantic.settings.metric} distance ${semantic.settings.threshold}`,
    );
  }
  for (const target of targets) {
    const examples = target.examples.length === 0 ? "" : `, ${target.examples.length} examples`;
    const description =
      target.description === undefined ? "" : `  ${JSON.stringify(target.description)}${examples}`;
    lines.push(`target ${target.name}  weight ${target.weight}${description}`);
    const options = config.targets[target.index]?.model.options;
    if (options !== undefined) lines.push(`  ${describePrice(target, options)}`);
  }
  return lines;
}

async function explain(
  { body, headers }: ExplainRequest,
  settings: ChatProxySettings,
  signal: AbortSignal,
): Promise<Explanation> {
  const client = {
    header: (name: string) => headers[name],
    query: () => undefined,
    capture: () => undefined,
  };
  const about = { plugin: settings.plugin, pluginId: settings.pluginId, algorithm: settings.algorithm };
  const failure = ({ status, message }: GatewayError) => ({ error: { status, message } });
  try {
    const request = asChatRequest(isJsonObject(body) ? body : {});
    const { target, decision, error } = await chooseTarget(request, client, settings, signal);
    const targets = settings.pool.status();
    return { ...about, decision, target: target?.name, ...(error !== undefined && failure(error)), targets };
  } catch (thrown) {
    const targets = settings.pool.status();
    return { ...about, decision: undefined, target: undefined, ...failure(toGatewayError(thrown)), targets };
  }
}
