/** Makes the flat, frozen `Config` out of entities that were all found good. */
import type { z } from "zod";
import type { Instance } from "./collect.ts";
import type { Config, PluginConfig, RouteConfig, ServiceConfig } from "./config.ts";
import { buildConsumerGroups, buildConsumers } from "./consumers.ts";
import type { plugin } from "./entities/plugin.ts";
import type { route } from "./entities/route.ts";
import { addressIn, type service } from "./entities/service.ts";
import type { Good } from "./good.ts";
import type { Directory } from "./names.ts";
import type { OrderedPlugin } from "./ordering-checks.ts";
import { formatPath } from "./problem.ts";
import { buildCertificates } from "./served-certificates.ts";
import { type Backends, collectBackends } from "./upstreams.ts";

type ServiceFields = z.output<z.ZodObject<typeof service.shape>>;
type RouteFields = z.output<z.ZodObject<typeof route.shape>>;
type PluginFields = z.output<z.ZodObject<typeof plugin.shape>>;

/** Services that are switched off are left out, with their routes and the plugins of both. */
export function buildConfig(good: readonly Good[], directory: Directory): Config {
  const of = (name: string) => good.filter(({ instance }) => instance.entity.name === name);
  const backends = collectBackends(good, directory);
  // The three assertions hold because each value was made by the shape of its entity.
  const services = of("service")
    .filter(({ value }) => (value as ServiceFields).enabled)
    .map(({ instance, value }) => buildService(instance, value as ServiceFields, directory, backends));
  const upstreams = new Set(services.map(({ host }) => backends.upstreamOf(host)));
  const running = new Set(services.map(({ id }) => id));
  const routes = of("route")
    .map(({ instance, value }) => buildRoute(instance, value as RouteFields, directory))
    .filter((each) => each.service === undefined || running.has(each.service));
  const reached = new Set(routes.map(({ id }) => id));
  const plugins = of("plugin")
    .map((entry) => buildPlugin(entry, entry.value as PluginFields, directory))
    .filter((each): each is PluginConfig => each !== undefined && isReached(each, running, reached));
  const consumerGroups = buildConsumerGroups(of("consumer_group"), directory);
  const consumers = buildConsumers(
    { consumers: of("consumer"), groups: of("consumer_group"), credentials: of("keyauth_credential") },
    directory,
  );
  return freeze({
    services,
    upstreams: [...upstreams].filter((each) => each !== undefined),
    routes,
    plugins,
    consumers,
    consumerGroups,
    certificates: buildCertificates({ certificates: of("certificate"), snis: of("sni") }, directory),
  });
}

function buildService(
  instance: Instance,
  fields: ServiceFields,
  directory: Directory,
  backends: Backends,
): ServiceConfig {
  const address = addressOf(fields);
  const upstream = backends.upstreamOf(address.host);
  return {
    id: directory.id(instance),
    name: fields.name,
    ...address,
    upstream: upstream?.id,
    tls: address.protocol === "https" ? backends.tlsOf(instance, fields, upstream) : undefined,
    retries: fields.retries,
    connectTimeoutMs: fields.connect_timeout,
    writeTimeoutMs: fields.write_timeout,
    readTimeoutMs: fields.read_timeout,
    tags: fields.tags ?? [],
  };
}

function addressOf({
  host = "",
  path,
  port,
  protocol,
  url,
}: ServiceFields): Pick<ServiceConfig, "protocol" | "host" | "port" | "path"> {
  return url === undefined ? { protocol, host, port, path } : addressIn(url);
}

function buildRoute(instance: Instance, fields: RouteFields, directory: Directory): RouteConfig {
  const target = directory.target(instance, "service");
  return {
    id: directory.id(instance),
    name: fields.name,
    service: target === undefined ? undefined : directory.id(target),
    protocols: fields.protocols,
    methods: fields.methods,
    hosts: fields.hosts,
    paths: fields.paths,
    headers: fields.headers,
    snis: fields.snis,
    httpsRedirectStatus: fields.https_redirect_status_code,
    stripPath: fields.strip_path,
    preserveHost: fields.preserve_host,
    regexPriority: fields.regex_priority,
    pathHandling: fields.path_handling,
    tags: fields.tags ?? [],
  };
}

function buildPlugin(
  { instance, plugin: known }: Good,
  fields: PluginFields,
  directory: Directory,
): PluginConfig | undefined {
  if (known === undefined) return undefined;
  return {
    id: directory.id(instance),
    name: fields.name,
    instanceName: fields.instance_name,
    enabled: fields.enabled,
    ordering: orderingOf(fields),
    ...known,
    path: formatPath(instance.path),
    tags: fields.tags ?? [],
  };
}

/** What its place among the plugins of a request depends on; nothing for what is no plugin or never runs. */
export function orderedPlugin({ instance, plugin, value }: Good): readonly OrderedPlugin[] {
  if (plugin === undefined) return [];
  const fields = value as PluginFields; // made by that shape
  return fields.enabled ? [{ instance, name: fields.name, ordering: orderingOf(fields), ...plugin }] : [];
}

function orderingOf({ ordering }: PluginFields): PluginConfig["ordering"] {
  if (ordering === undefined) return undefined;
  return { before: ordering.before?.access ?? [], after: ordering.after?.access ?? [] };
}

function isReached(
  { scope }: PluginConfig,
  services: ReadonlySet<string>,
  routes: ReadonlySet<string>,
): boolean {
  if (scope.service !== undefined && !services.has(scope.service)) return false;
  return scope.route === undefined || routes.has(scope.route);
}

/** Deep, but for plugin definitions, which are not ours. */
function freeze<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const [name, inner] of Object.entries(value)) if (name !== "definition") freeze(inner);
  return Object.freeze(value);
}
