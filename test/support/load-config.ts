/** Loads config files in tests, with the real plugin schemas and checks but a fixed list of what is supported. */
import { readFileSync } from "node:fs";
import { formatProblem, type LoadResult, loadConfig } from "../../src/config/load.ts";
import { aiProxyConfig, toAdvanced } from "../../src/plugins/ai-proxy/config.ts";
import { checkAiProxyAdvanced, type SupportedNames } from "../../src/plugins/ai-proxy-advanced/checks.ts";
import { aiProxyAdvancedConfig } from "../../src/plugins/ai-proxy-advanced/config.ts";
import { checkKeyAuth, keyAuthConfig } from "../../src/plugins/key-auth/config.ts";
import { definePlugin, type PluginDefinition } from "../../src/plugins/plugin.ts";

const supported: SupportedNames = {
  providers: ["anthropic", "openai"],
  algorithms: ["round-robin", "semantic"],
  embedders: ["openai", "local"],
  vectorStores: ["memory", "redis"],
  routeTypes: ["llm/v1/chat"],
};

const create = () => ({});
const plugins: readonly PluginDefinition[] = [
  definePlugin({
    name: "key-auth",
    summary: "",
    config: keyAuthConfig,
    authenticates: true,
    references: { anonymous: "consumer" },
    check: checkKeyAuth,
    create,
  }),
  definePlugin({
    name: "ai-proxy-advanced",
    summary: "",
    config: aiProxyAdvancedConfig,
    check: (config) => checkAiProxyAdvanced(config, supported),
    create,
  }),
  definePlugin({
    name: "ai-proxy",
    summary: "",
    config: aiProxyConfig,
    check: (config) =>
      checkAiProxyAdvanced(toAdvanced(config), supported).map((finding) => ({
        ...finding,
        path: finding.path.slice(2),
      })),
    create,
  }),
];

const env = {
  DECK_OPENAI_API_KEY: "sk-open",
  DECK_ANTHROPIC_API_KEY: "sk-anthropic",
  DECK_DEEPSEEK_API_KEY: "sk-deep",
  DECK_REDIS_HOST: "redis.invalid",
  OPENAI_KEY: "Bearer sk-vault",
  TEAM_ANTHROPIC: '{"api_key":"sk-team"}',
};

export function load(text: string, extra: Record<string, string> = {}): LoadResult {
  return loadConfig(text, { file: "gateway.yaml", env: { ...env, ...extra }, plugins });
}

export function fixture(name: string): string {
  return readFileSync(new URL(`../fixtures/config/${name}`, import.meta.url), "utf8");
}

export function lines(text: string, extra: Record<string, string> = {}): string[] {
  return load(text, extra).problems.map(formatProblem);
}

export function errors({ problems }: LoadResult): string[] {
  return problems.filter(({ severity }) => severity === "error").map(formatProblem);
}

export const head = '_format_version: "3.0"\n';
