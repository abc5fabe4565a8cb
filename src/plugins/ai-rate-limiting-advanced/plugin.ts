import type { Counters } from "../../budgets/counters.ts";
import { memoryCounters } from "../../budgets/memory.ts";
import { budgetPrefix } from "../../budgets/redis/script.ts";
import { redisCounters } from "../../budgets/redis.ts";
import type { Exchange } from "../../http/exchange.ts";
import { isBodyStream } from "../../http/reply.ts";
import { redisOptions } from "../../redis/options.ts";
import { settingsOf } from "../../redis/settings.ts";
import { createIdSource } from "../../util/ids.ts";
import {
  definePlugin,
  type Plugin,
  type PluginMeta,
  type PluginServices,
  type ProbeResult,
} from "../plugin.ts";
import { type AdmissionRules, BudgetAdmission } from "./admission.ts";
import { checkRateLimiting } from "./checks.ts";
import { aiRateLimitingAdvancedConfig, type RateLimitingConfig } from "./config.ts";
import { describeLimits } from "./describe.ts";
import { writeHeaders } from "./headers.ts";
import { compilePolicies, createKeys } from "./policies.ts";
import { refusalError } from "./refusal.ts";

/** Bounds what callers may use, in tokens or money, before they use it. */
export const aiRateLimitingAdvanced = definePlugin({
  name: "ai-rate-limiting-advanced",
  summary:
    "Bounds what callers use of models per window of time, in tokens or USD; can shift to cheaper targets before it refuses.",
  config: aiRateLimitingAdvancedConfig,
  partials: {
    "redis-ce": { paths: ["redis"], schema: redisOptions },
    "redis-ee": { paths: ["redis"], schema: redisOptions },
  },
  check: checkRateLimiting,
  create: createPlugin,
});

function createPlugin(config: RateLimitingConfig, services: PluginServices, meta: PluginMeta): Plugin {
  const counters = openCounters(config, services, meta);
  const rules: AdmissionRules = {
    policies: compilePolicies(config, meta.id),
    keyOf: createKeys(),
    reserve: config.reserve,
    counters,
    softShare: config.on_exceeded === "cheapest" ? config.soft_threshold : undefined,
    refuse: (refusal) => refusalError(refusal, config, services.random),
    unpriced: warnOnce(services),
  };
  const admissions = new WeakMap<Exchange, BudgetAdmission>();
  const { probe } = counters;
  return {
    // Whoever only looks tells the server nothing.
    ...(counters.start !== undefined &&
      services.purpose === "serve" && { start: () => counters.start?.() ?? Promise.resolve() }),
    access(exchange) {
      const admission = new BudgetAdmission(exchange, rules);
      admissions.set(exchange, admission);
      exchange.admission = admission;
      return undefined;
    },
    respond(exchange, reply) {
      const admission = admissions.get(exchange);
      if (admission === undefined) return;
      // Of a whole answer it is mostly known what it used, and its client may come again before we see that it has arrived.
      if (!isBodyStream(reply.body) && exchange.ai?.counting === undefined) admission.settle(exchange.ai);
      if (!config.hide_client_headers) writeHeaders(reply.headers, admission);
    },
    describe: () => describeLimits(config),
    health() {
      const health = counters.health?.();
      if (health === undefined) return [];
      const { place: name, ...rest } = health;
      return [{ component: "budget_counters", name, ...rest }];
    },
    ...(probe !== undefined && { probe: (signal: AbortSignal) => tryOut(counters, services, signal) }),
    close: () => counters.close(),
  };
}

function openCounters(config: RateLimitingConfig, services: PluginServices, meta: PluginMeta): Counters {
  const { namespace = meta.id, redis, reserve_timeout, strategy, sync_rate = 0 } = config;
  if (strategy !== "redis" || sync_rate === -1) return memoryCounters(namespace, services);
  const settings = settingsOf(redis ?? redisOptions.parse({}), budgetPrefix);
  return redisCounters(
    { namespace, settings, syncMs: sync_rate * 1000, waitMs: reserve_timeout },
    { ...services, peer: createIdSource()() },
  );
}

async function tryOut(
  counters: Counters,
  { now }: PluginServices,
  signal: AbortSignal,
): Promise<readonly ProbeResult[]> {
  const about = { component: "budget counters", name: counters.health?.().place ?? "" } as const;
  const startedAt = now();
  try {
    const facts = (await counters.probe?.(signal)) ?? {};
    return [
      { ...about, facts: { ...facts, latency: `${Math.round(now() - startedAt)} ms` }, error: undefined },
    ];
  } catch (error) {
    return [{ ...about, facts: {}, error: error instanceof Error ? error.message : String(error) }];
  }
}

/** So many are told of: models may be named by clients. */
const mostWarned = 100;

function warnOnce({ log }: PluginServices): (target: string) => void {
  const told = new Set<string>();
  return (target) => {
    if (told.has(target) || told.size >= mostWarned) return;
    told.add(target);
    log.warn("a budget counts a request as free, because the price of its target is unknown", {
      target,
      remedy: "set input_cost and output_cost, or count tokens",
    });
  };
}
