/** A config file that was found good: flat, normalised and frozen. What the snapshot is compiled from. */
import type { Consumer, ConsumerGroup, KeyCredential } from "../consumers/consumer.ts";
import type { ServedCertificate } from "../http/server-certificates.ts";
import type { UpstreamTls } from "../http/upstream-tls.ts";
import type { PluginDefinition } from "../plugins/plugin.ts";
import type { UpstreamDefinition } from "../upstreams/upstream.ts";

/** Services that are switched off, their routes, and the plugins of both are not in it. */
export interface Config {
  readonly services: readonly ServiceConfig[];
  /** Those that a service names as its host. */
  readonly upstreams: readonly UpstreamDefinition[];
  /** In the order of the file. */
  readonly routes: readonly RouteConfig[];
  /** Switched-off ones included. */
  readonly plugins: readonly PluginConfig[];
  readonly consumers: readonly ConsumerConfig[];
  readonly consumerGroups: readonly ConsumerGroup[];
  /** Those that have a server name. */
  readonly certificates: readonly ServedCertificate[];
}

interface Identified {
  /** The file's, or made up from name and place; the same on every load while these are. */
  readonly id: string;
}

export interface ServiceConfig extends Identified {
  readonly name: string | undefined;
  readonly protocol: string;
  readonly host: string;
  readonly port: number;
  /** Begins with a slash. */
  readonly path: string | undefined;
  readonly retries: number;
  readonly connectTimeoutMs: number;
  readonly writeTimeoutMs: number;
  readonly readTimeoutMs: number;
  /** Undefined for http, and where the upstream's certificate is checked as usual and none is shown. */
  readonly tls: UpstreamTls | undefined;
  /** Id of the upstream that `host` names; its targets are called in place of `host` and `port`. */
  readonly upstream: string | undefined;
  readonly tags: readonly string[];
}

export interface RouteConfig extends Identified {
  readonly name: string | undefined;
  /** Id of its service. */
  readonly service: string | undefined;
  readonly protocols: readonly string[];
  readonly methods: readonly string[] | undefined;
  readonly hosts: readonly string[] | undefined;
  readonly paths: readonly string[] | undefined;
  readonly headers: Readonly<Record<string, readonly string[]>> | undefined;
  /** TLS server names. */
  readonly snis: readonly string[] | undefined;
  /** Status of the answer to plain HTTP, where only https is among `protocols`. */
  readonly httpsRedirectStatus: number;
  readonly stripPath: boolean;
  readonly preserveHost: boolean;
  readonly regexPriority: number;
  readonly pathHandling: "v0" | "v1";
  readonly tags: readonly string[];
}

export interface ConsumerConfig extends Consumer {
  readonly keys: readonly KeyCredential[];
  readonly tags: readonly string[];
}

/** Whose requests a plugin sees, by id: those to whom all that is given here applies. Never both of the last two. */
export interface PluginScope {
  readonly service?: string;
  readonly route?: string;
  readonly consumer?: string;
  readonly consumerGroup?: string;
}

/** Names of plugins. */
export interface PluginOrdering {
  readonly before: readonly string[];
  readonly after: readonly string[];
}

export interface PluginConfig extends Identified {
  readonly name: string;
  readonly instanceName: string | undefined;
  readonly enabled: boolean;
  readonly scope: PluginScope;
  readonly definition: PluginDefinition;
  /** Its place among the definitions the loader was given; lower runs first. */
  readonly order: number;
  /** Where it runs other than the definitions' order has it. */
  readonly ordering?: PluginOrdering | undefined;
  /** What the definition's schema made of the file's `config`. */
  readonly config: unknown;
  /** Where the file has it, e.g. `services[0].plugins[1]`. */
  readonly path: string;
  readonly tags: readonly string[];
}
