/** Configs for end-to-end tests, as objects: JSON is YAML, so they are loaded like any file. */

export type ConfigObject = Readonly<Record<string, unknown>>;

/** The key every test target has; that it shows up nowhere else is tested. */
export const targetKey = "sk-test-4f1d9e-target";

/** The URL of a chat endpoint of the simulator; `name` tells one target's calls from another's. */
export function chatUrl(simulator: string, name = ""): string {
  return `${simulator}${name === "" ? "" : `/${name}`}/v1/chat/completions`;
}

export interface TargetSettings {
  readonly model?: string;
  readonly description?: string;
  readonly weight?: number;
  readonly alias?: string;
  readonly options?: ConfigObject;
  readonly extra?: ConfigObject;
}

/** A target that calls `url` in OpenAI's dialect, with the test key. */
export function openaiTarget(url: string, settings: TargetSettings = {}): ConfigObject {
  return target("openai", { header_name: "Authorization", header_value: `Bearer ${targetKey}` }, settings, {
    upstream_url: url,
  });
}

/** A target that calls `url` in Anthropic's dialect, with the test key. */
export function anthropicTarget(url: string, settings: TargetSettings = {}): ConfigObject {
  return target("anthropic", { header_name: "x-api-key", header_value: targetKey }, settings, {
    upstream_url: url,
    anthropic_version: "2023-06-01",
  });
}

function target(
  provider: string,
  auth: ConfigObject,
  { model = "gpt-4o", description, weight, alias, options, extra }: TargetSettings,
  required: ConfigObject,
): ConfigObject {
  return {
    route_type: "llm/v1/chat",
    auth,
    ...(description !== undefined && { description }),
    ...(weight !== undefined && { weight }),
    model: {
      provider,
      name: model,
      ...(alias !== undefined && { model_alias: alias }),
      options: { ...required, ...options },
    },
    ...extra,
  };
}

/** One route, `/chat`, to these targets; `config` is the rest of the plugin's config. */
export function chatConfig(targets: readonly ConfigObject[], config: ConfigObject = {}): ConfigObject {
  return {
    _format_version: "3.0",
    services: [{ name: "llm", url: "http://localhost", routes: [{ name: "chat", paths: ["/chat"] }] }],
    plugins: [{ name: "ai-proxy-advanced", route: "chat", config: { targets, ...config } }],
  };
}

/** The blocks that the semantic algorithm needs; embeddings by the model in the process unless told otherwise. */
export function semanticBlocks(settings: {
  readonly threshold?: number;
  readonly embeddings?: ConfigObject;
  readonly dimensions?: number;
  readonly balancer?: ConfigObject;
}): ConfigObject & { readonly balancer: ConfigObject } {
  const { threshold = 0.7, embeddings, dimensions, balancer } = settings;
  return {
    embeddings: embeddings ?? { model: { provider: "local" } },
    vectordb: {
      strategy: "memory",
      distance_metric: "cosine",
      threshold,
      ...(dimensions !== undefined && { dimensions }),
    },
    balancer: { algorithm: "semantic", ...balancer },
  };
}

/** Embeddings over HTTP from an OpenAI-compatible endpoint. */
export function remoteEmbeddings(url: string): ConfigObject {
  return {
    model: { provider: "openai", name: "text-embedding-3-small", options: { upstream_url: url } },
    auth: { header_name: "Authorization", header_value: `Bearer ${targetKey}` },
  };
}

/** A plain reverse proxy: one route to one service. */
export function proxyConfig(service: ConfigObject, route: ConfigObject = {}): ConfigObject {
  return {
    _format_version: "3.0",
    services: [{ name: "upstream", ...service, routes: [{ name: "plain", paths: ["/api"], ...route }] }],
  };
}

/** One route for each config, so that one gateway shows them all. */
export function routesConfig(routes: Readonly<Record<string, ConfigObject>>): ConfigObject {
  return {
    _format_version: "3.0",
    routes: Object.keys(routes).map((name) => ({ name, paths: [`/${name}`] })),
    plugins: Object.entries(routes).map(([route, config]) => ({ name: "ai-proxy-advanced", route, config })),
  };
}
