/** Compiles a valid config into the frozen tables the data path reads. A reload builds a new one and swaps a reference. */
import { createHash } from "node:crypto";
import type { Plugin, PluginServices } from "../plugins/plugin.ts";
import { compileRouter, type RouteDefinition, type Router } from "../router/router.ts";
import type { Config, PluginConfig, RouteConfig, ServiceConfig } from "./config.ts";

/** What a matched route leads to. */
export interface RoutePlan {
  readonly service: ServiceConfig | undefined;
  readonly serviceRecord: { readonly name: string } | undefined;
  /** In the order they run. */
  readonly plugins: readonly Plugin[];
}

export interface RunningPlugin {
  /** Equal while the plugin's place and content are unchanged, so that a reload can keep the instance and its state. */
  readonly key: string;
  readonly name: string;
  readonly config: PluginConfig;
  readonly plugin: Plugin;
}

export interface Snapshot {
  readonly router: Router<RoutePlan>;
  /** By route id. */
  readonly plans: ReadonlyMap<string, RoutePlan>;
  readonly plugins: readonly RunningPlugin[];
}

/**
 * Builds the tables; plugins that `previous` runs with the same content are taken over as they are.
 * Throws when a route or plugin cannot be built; plugins made until then are closed again.
 */
export function createSnapshot(config: Config, services: PluginServices, previous?: Snapshot): Snapshot {
  const running: RunningPlugin[] = [];
  const made: Plugin[] = [];
  try {
    for (const entry of config.plugins) {
      if (!entry.enabled) continue;
      const key = keyOf(entry);
      const kept = previous?.plugins.find((candidate) => candidate.key === key);
      const plugin =
        kept?.plugin ??
        entry.definition.create(entry.config, services, { id: entry.id, instanceName: entry.instanceName });
      if (kept === undefined) made.push(plugin);
      running.push({ key, name: entry.name, config: entry, plugin });
    }
    const definitions = config.routes.map((route) => toDefinition(route, config, running));
    const plans = new Map(definitions.map(({ id, payload }) => [id, payload]));
    return { router: compileRouter(definitions), plans, plugins: running };
  } catch (error) {
    for (const plugin of made) {
      plugin
        .close?.()
        .catch((reason: unknown) => services.log.warn("a plugin did not close", { reason: String(reason) }));
    }
    throw error;
  }
}

function keyOf(entry: PluginConfig): string {
  return createHash("sha256")
    .update(JSON.stringify([entry.id, entry.name, entry.config]))
    .digest("hex");
}

function toDefinition(
  route: RouteConfig,
  config: Config,
  running: readonly RunningPlugin[],
): RouteDefinition<RoutePlan> {
  const service = config.services.find((candidate) => candidate.id === route.service);
  return {
    id: route.id,
    name: route.name,
    hosts: route.hosts,
    methods: route.methods,
    paths: route.paths,
    headers: route.headers,
    stripPath: route.stripPath,
    preserveHost: route.preserveHost,
    regexPriority: route.regexPriority,
    pathHandling: route.pathHandling,
    payload: {
      service,
      serviceRecord: service === undefined ? undefined : { name: service.name ?? service.id },
      plugins: chainFor(route, running),
    },
  };
}

/** One instance of each plugin: the most specific scope wins (route + service, route, service, global). */
function chainFor(route: RouteConfig, running: readonly RunningPlugin[]): readonly Plugin[] {
  const chosen = new Map<string, { readonly entry: RunningPlugin; readonly rank: number }>();
  for (const entry of running) {
    const rank = rankOf(entry.config, route);
    if (rank > (chosen.get(entry.name)?.rank ?? 0)) chosen.set(entry.name, { entry, rank });
  }
  return [...chosen.values()]
    .sort((a, b) => a.entry.config.order - b.entry.config.order)
    .map(({ entry }) => entry.plugin);
}

/** 0: does not apply here. */
function rankOf(plugin: PluginConfig, route: RouteConfig): number {
  const { scope } = plugin;
  if (scope.kind === "global") return 1;
  if (scope.kind === "service") return scope.service === route.service ? 2 : 0;
  if (scope.kind === "route") return scope.route === route.id ? 3 : 0;
  return scope.route === route.id && scope.service === route.service ? 4 : 0;
}
