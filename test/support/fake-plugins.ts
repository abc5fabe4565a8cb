/** Plugins that note what happens to them, and configs that use them. */

import { z } from "zod";
import { createTargetMemories } from "../../src/balancer/target-memory.ts";
import { createBudgetCounts } from "../../src/budgets/budget-counts.ts";
import type { Config, PluginConfig, RouteConfig, ServiceConfig } from "../../src/config/config.ts";
import { definePlugin, type Plugin, type PluginServices } from "../../src/plugins/plugin.ts";
import { createFakeUpstream } from "./fake-upstream.ts";
import { createRecordingLogger } from "./recording-logger.ts";

/** What happened, e.g. `a: start`. Each instance tells its own name. */
export type Journal = string[];

/** A plugin that writes into the journal; `hooks` replace what it does. */
export function notingPlugin(name: string, journal: Journal, hooks: Partial<Plugin> = {}): Plugin {
  return {
    async start() {
      journal.push(`${name}: start`);
    },
    access() {
      journal.push(`${name}: access`);
      return undefined;
    },
    log: () => void journal.push(`${name}: log`),
    async close() {
      journal.push(`${name}: close`);
    },
    ...hooks,
  };
}

/** A plugin's entry in a config. `create` makes the instance; its content is `content`. */
export function pluginConfig(
  name: string,
  create: () => Plugin,
  facts: Partial<PluginConfig> & { readonly content?: unknown } = {},
): PluginConfig {
  const { content = {}, ...rest } = facts;
  return {
    id: `plugin-${name}`,
    name,
    instanceName: undefined,
    enabled: true,
    scope: {},
    definition: definePlugin({ name, summary: "For tests.", config: z.unknown(), create }),
    order: 0,
    config: content,
    path: "plugins[0]",
    tags: [],
    ...rest,
  };
}

export function routeConfig(id: string, facts: Partial<RouteConfig> = {}): RouteConfig {
  return {
    id,
    name: undefined,
    service: undefined,
    protocols: ["http", "https"],
    methods: undefined,
    hosts: undefined,
    paths: [`/${id}`],
    headers: undefined,
    snis: undefined,
    httpsRedirectStatus: 426,
    stripPath: true,
    preserveHost: false,
    regexPriority: 0,
    pathHandling: "v0",
    tags: [],
    ...facts,
  };
}

export function serviceConfig(id: string, facts: Partial<ServiceConfig> = {}): ServiceConfig {
  return {
    id,
    name: undefined,
    protocol: "http",
    host: "upstream.local",
    port: 80,
    path: undefined,
    retries: 5,
    connectTimeoutMs: 1000,
    writeTimeoutMs: 1000,
    readTimeoutMs: 1000,
    tls: undefined,
    upstream: undefined,
    tags: [],
    ...facts,
  };
}

export function configOf(parts: Partial<Config>): Config {
  return {
    services: [],
    upstreams: [],
    routes: [],
    plugins: [],
    consumers: [],
    consumerGroups: [],
    certificates: [],
    ...parts,
  };
}

/** Services for plugins that use none but the log. */
export function createPluginServices(): PluginServices & {
  readonly log: ReturnType<typeof createRecordingLogger>;
} {
  const unused = () => {
    throw new Error("not to be used by this test");
  };
  return {
    now: () => performance.now(),
    wallClock: () => 1_700_000_000_000,
    random: () => 0,
    log: createRecordingLogger(),
    upstream: createFakeUpstream([]),
    embeddings: { acquire: unused, stats: () => [] },
    call: unused,
    targets: createTargetMemories(),
    budgets: createBudgetCounts(),
    sharing: { join: unused, close: () => undefined },
    env: {},
    purpose: "serve",
    schedule: unused,
    countTokens: unused,
  };
}
