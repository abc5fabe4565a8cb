/** The outside parts of semantic routing: the embedder and the vector store, opened, watched, tried and closed. */
import { createHash } from "node:crypto";
import type { SemanticServices, SemanticSettings } from "../../balancer/balancer.ts";
import { createDescriptionVectors } from "../../balancer/description-vectors.ts";
import { findEmbedder } from "../../embedders/index.ts";
import { findVectorStore } from "../../vector-stores/index.ts";
import { createVectorKeeper } from "../../vector-stores/keeper.ts";
import type { ComponentHealth, PluginMeta, PluginServices, ProbeResult } from "../plugin.ts";
import { type AiProxyAdvancedConfig, semanticSettings } from "./config.ts";
import { probeEmbedder, probeStore } from "./probe.ts";

export interface OpenSemantic {
  readonly strategy: string;
  readonly settings: SemanticSettings;
  readonly services: SemanticServices;
  health(): readonly ComponentHealth[];
  probe(signal: AbortSignal): Promise<readonly ProbeResult[]>;
  /** Removes the vectors that the store keeps. */
  forget(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** Does no I/O yet. Throws an `Error` that names the setting when the config cannot work. */
export function openSemantic(
  config: AiProxyAdvancedConfig,
  services: PluginServices,
  meta: PluginMeta,
): OpenSemantic {
  const { embeddings, vectordb } = semanticSettings(config);
  const { balancer } = config;
  const { provider, options } = embeddings.model;
  const embedderDefinition = findEmbedder(provider);
  const storeDefinition = findVectorStore(vectordb.strategy);
  if (embedderDefinition === undefined)
    throw new Error(`embeddings.model.provider ${provider} is not supported by this version`);
  if (storeDefinition === undefined)
    throw new Error(`vectordb.strategy ${vectordb.strategy} is not supported by this version`);
  const embedder = embedderDefinition.create({ ...embeddings, dimensions: vectordb.dimensions }, services);
  const embedding = services.embeddings.acquire(embedder, {
    timeoutMs: balancer.semantic.timeout,
    inputCost: options.input_cost,
  });
  const store = storeDefinition.create(vectordb, services);
  const keeper = createVectorKeeper({
    ...services,
    store,
    owner: ownerOf(meta.id),
    isRemote: storeDefinition.isRemote,
    isReadOnly: services.purpose === "look",
  });
  const descriptions = createDescriptionVectors(embedding, keeper);
  return {
    strategy: vectordb.strategy,
    settings: {
      threshold: vectordb.threshold,
      metric: vectordb.distance_metric,
      messageCountback: balancer.semantic.message_countback,
      inheritFollowUps: balancer.semantic.inherit_follow_ups,
      groupPolicy: balancer.semantic.group_policy,
      onError: config.on_error,
      embeddingCost: options.input_cost,
    },
    services: { embedding, descriptions, schedule: services.schedule },
    health() {
      const { place: name, ...rest } = keeper.health();
      const { missing } = descriptions;
      return [
        {
          component: "descriptions",
          name: `${embedder.provider}/${embedder.model}`,
          state: missing === undefined ? "up" : "down",
          reason: missing,
          failures: 0,
          writes: 0,
        },
        { component: "vector_store", name, ...rest },
      ];
    },
    probe: (signal) =>
      Promise.all([
        probeEmbedder(embedder, vectordb.dimensions, services.now, signal),
        probeStore(store, vectordb.dimensions, services.now, signal),
      ]),
    forget: (signal) => keeper.forget(signal),
    async close() {
      keeper.close();
      embedding.release();
      await store.close();
    },
  };
}

/** Ids may be any text; stores take names. */
function ownerOf(id: string): string {
  return /^[\w-]{1,64}$/.test(id) ? id : createHash("sha256").update(id).digest("hex").slice(0, 32);
}
