/** Metrics that are kept elsewhere and read when Prometheus asks: embedding and vector stores. */
import type { PluginHealth } from "../gateway.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Runtime } from "./runtime.ts";

export function countEmbeddings(metrics: Metrics, runtime: Runtime): void {
  const sum = (read: (row: ReturnType<Runtime["embeddings"]["stats"]>[number]) => number) => () =>
    runtime.embeddings.stats().reduce((total, row) => total + read(row), 0);
  metrics.reading(
    "sluice_embedding_cache_hits_total",
    "Prompts whose vector was cached",
    "counter",
    sum((row) => row.hits),
  );
  metrics.reading(
    "sluice_embedding_cache_misses_total",
    "Prompts that were embedded",
    "counter",
    sum((row) => row.misses),
  );
  metrics.reading(
    "sluice_embedding_failures_total",
    "Embedding calls that failed",
    "counter",
    sum((row) => row.failures),
  );
  metrics.reading(
    "sluice_embedding_tokens_total",
    "Tokens that embedding was charged for",
    "counter",
    sum((row) => row.inputTokens),
  );
  metrics.readings(
    "sluice_embedding_cost_usd_total",
    "What embedding has cost, descriptions included; only models with a price",
    "counter",
    ["provider", "model"],
    () =>
      runtime.embeddings
        .stats()
        .flatMap(({ provider, model, costUsd }) =>
          costUsd === undefined ? [] : [{ labels: [provider, model], value: costUsd }],
        ),
  );
}

export function countComponents(metrics: Metrics, health: () => readonly PluginHealth[]): void {
  const stores = () => health().filter(({ component }) => component === "vector_store");
  const of = (value: (store: PluginHealth) => number) => () =>
    stores().map((store) => ({ labels: [store.pluginId, store.name], value: value(store) }));
  const labels = ["plugin_id", "store"];
  metrics.readings(
    "sluice_vector_store_up",
    "1 while the store answered the last time it was asked",
    "gauge",
    labels,
    of(({ state }) => (state === "up" ? 1 : 0)),
  );
  metrics.readings(
    "sluice_vector_store_failures_total",
    "Contacts with the store that failed",
    "counter",
    labels,
    of(({ failures }) => failures),
  );
  metrics.readings(
    "sluice_vector_store_writes_total",
    "Times the description vectors were put into the store",
    "counter",
    labels,
    of(({ writes }) => writes),
  );
}
