/** Sluice as a user runs it: `sluice start`, access records on standard output (to a file), metrics and status on. */
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../../test/support/free-port.ts";
import { startChild } from "./child.ts";
import { type Side, type SideContext, usualPromptCount } from "./side.ts";

/** More prompts than the cache of vectors holds (8192): sent in turn, none is ever found there. */
const alwaysNewCount = 20_000;

const variants = {
  "round-robin": { algorithm: "round-robin", promptCount: usualPromptCount },
  "semantic, cached": { algorithm: "semantic", promptCount: usualPromptCount },
  "semantic, new prompts": { algorithm: "semantic", promptCount: alwaysNewCount },
} as const;

export type SluiceVariant = keyof typeof variants;

export const sluiceVariants = Object.keys(variants) as readonly SluiceVariant[]; // the keys of the table above

export interface SluiceBuild {
  /** The folder that holds `bin/` and `dist/`. */
  readonly home: string;
  /** Default: the variant. */
  readonly label?: string;
  /** Beside the one that proxies. */
  readonly plugins?: readonly unknown[];
}

export async function startSluice(
  { upstreamPort, folder, pinning }: SideContext,
  variant: SluiceVariant,
  { home, label = variant, plugins = [] }: SluiceBuild,
): Promise<Side> {
  const { algorithm, promptCount } = variants[variant];
  const own = join(folder, `sluice-${label.replaceAll(/\W+/g, "-")}`);
  mkdirSync(own, { recursive: true });
  const port = await freePort();
  const config = join(own, "gateway.yaml");
  const records = join(own, "records.jsonl");
  writeFileSync(config, sluiceConfig(algorithm, upstreamPort, plugins));
  const listeners = [
    "--proxy-listen",
    `127.0.0.1:${port}`,
    "--status-listen",
    "127.0.0.1:0",
    "--admin-listen",
    "off",
  ];
  const child = await startChild({
    name: `Sluice (${label})`,
    command: process.execPath,
    args: [join(home, "bin/sluice"), "start", "-c", config, ...listeners, "--prefix", own],
    cores: pinning && [pinning.proxyCore],
    port,
    output: records,
    errors: join(own, "log.jsonl"),
  });
  return {
    name: `Sluice ${label}`,
    port,
    headers: {},
    pids: [child.pid],
    promptCount,
    tidy: () => truncateSync(records),
    stop: child.stop,
  };
}

const targets = [
  {
    description: "Specialist in python",
    name: "gpt-3.5-turbo",
    maxTokens: 826,
    temperature: 0,
    costs: [0.5, 1.5],
  },
  {
    description: "Requests related to IT support",
    name: "gpt-4o",
    maxTokens: 512,
    temperature: 0.3,
    costs: [2.5, 10],
  },
  { description: "CATCHALL", name: "gpt-4o-mini", maxTokens: 256, temperature: 1, costs: [0.15, 0.6] },
] as const;

/** Three priced models with a key, options of their own and statistics: the project's main scenario. */
function sluiceConfig(algorithm: string, upstreamPort: number, plugins: readonly unknown[]): string {
  const semantic = {
    embeddings: { model: { provider: "local" } },
    vectordb: { strategy: "memory", distance_metric: "cosine", threshold: 0.7 },
  };
  const config = {
    _format_version: "3.0",
    services: [
      { name: "llm", url: "http://127.0.0.1", routes: [{ name: "chat", paths: ["/v1/chat/completions"] }] },
    ],
    plugins: [
      ...plugins,
      {
        name: "ai-proxy-advanced",
        route: "chat",
        config: {
          balancer: { algorithm },
          ...(algorithm === "semantic" && semantic),
          targets: targets.map(({ description, name, maxTokens, temperature, costs }) => ({
            route_type: "llm/v1/chat",
            description,
            auth: { header_name: "Authorization", header_value: "Bearer benchmark" },
            logging: { log_statistics: true },
            model: {
              provider: "openai",
              name,
              options: {
                upstream_url: `http://127.0.0.1:${upstreamPort}/v1/chat/completions`,
                max_tokens: maxTokens,
                temperature,
                input_cost: costs[0],
                output_cost: costs[1],
              },
            },
          })),
        },
      },
    ],
  };
  return JSON.stringify(config, undefined, 2);
}
