import { priceTable } from "../../accounting/price-table.ts";
import { createTargetPrices } from "../../accounting/target-price.ts";
import { algorithms } from "../../balancer/algorithms/index.ts";
import { embedders } from "../../embedders/index.ts";
import { embeddingsOptions } from "../../embedders/options.ts";
import { compatibleWay } from "../../providers/compatible-addresses.ts";
import { findProvider, providers } from "../../providers/index.ts";
import { priceAtLoad } from "../../proxy/price-at-load.ts";
import { redisOptions } from "../../redis/options.ts";
import { vectorStores } from "../../vector-stores/index.ts";
import { vectordbOptions } from "../../vector-stores/options.ts";
import { definePlugin } from "../plugin.ts";
import { checkAiProxyAdvanced, type SupportedNames } from "./checks.ts";
import { aiProxyAdvancedConfig } from "./config.ts";
import { createChatPlugin } from "./create.ts";
import { reviewDescriptions } from "./review.ts";
import { type TargetOptions, targetOptions } from "./target-options.ts";

/** What this build can run; the checks refuse the rest by name. */
export const supported: SupportedNames = {
  providers: providers.map((provider) => provider.name),
  algorithms: algorithms.map((algorithm) => algorithm.name),
  embedders: embedders.map((embedder) => embedder.name),
  vectorStores: vectorStores.map((store) => store.name),
  routeTypes: ["llm/v1/chat"],
  otherWay: compatibleWay,
  isPriced,
};

function isPriced({ model: { name: modelName, options, provider: providerName } }: TargetOptions): boolean {
  const provider = findProvider(providerName);
  if (provider === undefined) return false;
  const prices = createTargetPrices(providerName, options, priceTable);
  return priceAtLoad({ provider, modelName, options, prices }) !== undefined;
}

export const aiProxyAdvanced = definePlugin({
  name: "ai-proxy-advanced",
  summary: "Balances chat requests over several models, by meaning, weight or load, with failover.",
  config: aiProxyAdvancedConfig,
  answers: true,
  partials: {
    vectordb: { paths: ["vectordb"], schema: vectordbOptions },
    embeddings: { paths: ["embeddings"], schema: embeddingsOptions },
    model: { paths: ["targets[]"], schema: targetOptions },
    "redis-ce": { paths: ["vectordb.redis", "state.redis"], schema: redisOptions },
    "redis-ee": { paths: ["vectordb.redis", "state.redis"], schema: redisOptions },
  },
  check: (config) => checkAiProxyAdvanced(config, supported),
  review: reviewDescriptions,
  create: (config, services, meta) => createChatPlugin("ai-proxy-advanced", config, services, meta),
});
