/** The config's `redis` block as the connection code wants it: milliseconds, addresses, and one way to find the server. */
import type { RedisOptions } from "./options.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface Credentials {
  readonly username?: string;
  readonly password: string;
}

export interface TlsSettings {
  readonly isVerified: boolean;
  readonly serverName: string | undefined;
}

/** How the server that takes our writes is found. */
export type Route =
  | { readonly kind: "direct"; readonly address: Address }
  | {
      readonly kind: "sentinel";
      readonly master: string;
      readonly sentinels: readonly Address[];
      readonly credentials: Credentials | undefined;
    }
  | { readonly kind: "cluster"; readonly nodes: readonly Address[]; readonly maxRedirections: number };

export interface RedisSettings {
  /** For people; no credentials. */
  readonly place: string;
  readonly route: Route;
  readonly credentials: Credentials | undefined;
  readonly database: number;
  readonly tls: TlsSettings | undefined;
  /** For one connection, TLS and signing in included. */
  readonly connectMs: number;
  /** For one command or transaction and its reply. */
  readonly exchangeMs: number;
  /** For a whole call. */
  readonly callMs: number;
  /** Calls under way at the same time. */
  readonly maxCalls: number;
  readonly isProxied: boolean;
  /** What our keys begin with, for the one who has to permit them. */
  readonly keyPrefix: string;
}

/** nginx's own timeout, which stands in for 0 there. */
const unsetTimeoutMs = 60_000;

export function settingsOf(options: RedisOptions, keyPrefix: string): RedisSettings {
  const connectMs = options.connect_timeout || unsetTimeoutMs;
  const exchangeMs = (options.send_timeout || unsetTimeoutMs) + (options.read_timeout || unsetTimeoutMs);
  const route = routeOf(options);
  return {
    place: placeOf(route),
    route,
    credentials: credentialsOf(options.username, options.password),
    database: options.database,
    tls: options.ssl ? { isVerified: options.ssl_verify, serverName: options.server_name } : undefined,
    connectMs,
    exchangeMs,
    callMs: connectMs + exchangeMs,
    maxCalls: options.keepalive_pool_size + (options.keepalive_backlog ?? Number.POSITIVE_INFINITY),
    isProxied: options.connection_is_proxied,
    keyPrefix,
  };
}

/** `host:port`, as people write it. */
export function addressName({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function routeOf(options: RedisOptions): Route {
  const { sentinel_nodes, sentinel_master, cluster_nodes } = options;
  if (cluster_nodes !== undefined) {
    return {
      kind: "cluster",
      nodes: cluster_nodes.map(({ ip, port }) => ({ host: ip, port })),
      maxRedirections: options.cluster_max_redirections,
    };
  }
  if (sentinel_nodes !== undefined && sentinel_master !== undefined) {
    return {
      kind: "sentinel",
      master: sentinel_master,
      sentinels: sentinel_nodes,
      credentials: credentialsOf(options.sentinel_username, options.sentinel_password),
    };
  }
  return { kind: "direct", address: { host: options.host, port: options.port } };
}

function placeOf(route: Route): string {
  if (route.kind === "direct") return `redis at ${addressName(route.address)}`;
  if (route.kind === "cluster") return `redis cluster at ${route.nodes.map(addressName).join(", ")}`;
  return `redis master "${route.master}" of the sentinels at ${route.sentinels.map(addressName).join(", ")}`;
}

/** Without a password nobody signs in, whatever the name. */
function credentialsOf(username: string | undefined, password: string | undefined): Credentials | undefined {
  if (password === undefined) return undefined;
  return username === undefined ? { password } : { username, password };
}
