/** Compiles a valid config into the frozen tables the data path reads. A reload builds a new one and swaps a reference. */
import { createHash } from "node:crypto";
import type { ConsumerIndex } from "../consumers/consumer.ts";
import { createConsumerIndex } from "../consumers/consumer-index.ts";
import type { ServiceRecord } from "../http/exchange.ts";
import type { Plugin, PluginServices } from "../plugins/plugin.ts";
import { compileRouter, type RouteDefinition, type Router } from "../router/router.ts";
import { createUpstream, type Upstream } from "../upstreams/upstream.ts";
import type { Config, ConsumerConfig, RouteConfig, ServiceConfig } from "./config.ts";
import { type Counting, compileCounting, countsUpstreams } from "./counting.ts";
import { compileChain, type PluginChain, type ScopedPlugin } from "./plugin-chains.ts";

/** What a matched route leads to. */
export interface RoutePlan extends PluginChain {
  readonly service: ServiceConfig | undefined;
  readonly serviceRecord: ServiceRecord | undefined;
  /** The hosts that the service's own stands for. */
  readonly upstream: Upstream | undefined;
}

export interface RunningPlugin extends ScopedPlugin {
  /** Equal while the plugin's place and content are unchanged, so that a reload can keep the instance and its state. */
  readonly key: string;
}

export interface RunningUpstream {
  /** As for plugins. */
  readonly key: string;
  readonly upstream: Upstream;
}

export interface Snapshot {
  readonly router: Router<RoutePlan>;
  /** By route id. */
  readonly plans: ReadonlyMap<string, RoutePlan>;
  readonly plugins: readonly RunningPlugin[];
  readonly upstreams: readonly RunningUpstream[];
  /** Those for every request: what a request has that no route takes. They are told of its end alone. */
  readonly everywhere: readonly Plugin[];
  readonly consumers: ConsumerIndex;
  /** Lower-case names of headers and parameters whose values are credentials, whatever they are called. */
  readonly credentialNames: ReadonlySet<string>;
  readonly countedOf: Counting;
  /** The metrics tell how the targets of upstreams are. */
  readonly showsUpstreams: boolean;
}

/**
 * Builds the tables; plugins and upstreams that `previous` runs with the same content are taken over as they are.
 * Throws when a route, plugin or upstream cannot be built; what was made until then is closed again.
 */
export function createSnapshot(config: Config, services: PluginServices, previous?: Snapshot): Snapshot {
  const running: RunningPlugin[] = [];
  const upstreams: RunningUpstream[] = [];
  const made: Pick<Plugin | Upstream, "close">[] = [];
  try {
    for (const entry of config.plugins) {
      if (!entry.enabled) continue;
      const key = keyOf([entry.id, entry.name, entry.config]);
      const kept = previous?.plugins.find((candidate) => candidate.key === key);
      const plugin =
        kept?.plugin ??
        entry.definition.create(entry.config, services, { id: entry.id, instanceName: entry.instanceName });
      if (kept === undefined) made.push(plugin);
      running.push({ key, name: entry.name, config: entry, plugin });
    }
    for (const definition of config.upstreams) {
      const key = keyOf(definition);
      const kept = previous?.upstreams.find((candidate) => candidate.key === key);
      const upstream = kept?.upstream ?? createUpstream(definition, services);
      if (kept === undefined) made.push(upstream);
      upstreams.push({ key, upstream });
    }
    return compile(config, running, upstreams);
  } catch (error) {
    for (const each of made) {
      Promise.resolve(each.close?.()).catch((reason: unknown) =>
        services.log.warn("a plugin did not close", { reason: String(reason) }),
      );
    }
    throw error;
  }
}

function compile(
  config: Config,
  running: readonly RunningPlugin[],
  upstreams: readonly RunningUpstream[],
): Snapshot {
  const definitions = config.routes.map((route) => toDefinition(route, config, running, upstreams));
  return {
    router: compileRouter(definitions),
    plans: new Map(definitions.map(({ id, payload }) => [id, payload])),
    plugins: running,
    upstreams,
    everywhere: running
      .filter(({ config: { scope } }) => Object.keys(scope).length === 0)
      .map(({ plugin }) => plugin),
    consumers: createConsumerIndex(config.consumers.map(toEntry)),
    credentialNames: new Set(running.flatMap(({ plugin }) => namesOf(plugin))),
    countedOf: compileCounting(running),
    showsUpstreams: countsUpstreams(running),
  };
}

function toEntry({ keys, tags: _, ...consumer }: ConsumerConfig) {
  return { consumer: Object.freeze(consumer), keys };
}

function namesOf({ credentialNames = [] }: Plugin): readonly string[] {
  return credentialNames.map((name) => name.toLowerCase());
}

function keyOf(content: unknown): string {
  return createHash("sha256").update(JSON.stringify(content)).digest("hex");
}

function toRecord({ host, id, name, path, port, protocol }: ServiceConfig): ServiceRecord {
  return Object.freeze({ id, name: name ?? id, protocol, host, port, path });
}

function toDefinition(
  route: RouteConfig,
  config: Config,
  running: readonly RunningPlugin[],
  upstreams: readonly RunningUpstream[],
): RouteDefinition<RoutePlan> {
  const service = config.services.find((candidate) => candidate.id === route.service);
  return {
    id: route.id,
    name: route.name,
    hosts: route.hosts,
    methods: route.methods,
    paths: route.paths,
    headers: route.headers,
    protocols: route.protocols,
    snis: route.snis,
    httpsRedirectStatus: route.httpsRedirectStatus,
    stripPath: route.stripPath,
    preserveHost: route.preserveHost,
    regexPriority: route.regexPriority,
    pathHandling: route.pathHandling,
    payload: {
      service,
      serviceRecord: service === undefined ? undefined : toRecord(service),
      upstream: upstreams.find(({ upstream }) => upstream.id === service?.upstream)?.upstream,
      ...compileChain(route, running),
    },
  };
}
