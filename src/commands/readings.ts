/** Metrics that are kept elsewhere and read when Prometheus asks: embedding, vector stores, targets. */
import type { PluginHealth, PluginTarget } from "../gateway.ts";
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
  countPart(metrics, health, {
    component: "vector_store",
    label: "store",
    up: "1 while the store answered the last time it was asked",
    failures: "Contacts with the store that failed",
    writes: "Times the description vectors were put into the store",
  });
  countPart(metrics, health, {
    component: "shared_state",
    label: "server",
    up: "1 while the server that shares state answered the last time it was asked",
    failures: "Contacts with the server that shares state that failed",
    writes: "Reports of this gateway's targets that the server has taken",
  });
  countPart(metrics, health, {
    component: "budget_counters",
    label: "server",
    up: "1 while the server that counts budgets answered the last time it was asked",
    failures: "Contacts with the server that counts budgets that failed",
    writes: "Times this gateway's counts were told to that server",
  });
}

interface Part {
  readonly component: PluginHealth["component"];
  /** What the label of its place is called. */
  readonly label: string;
  readonly up: string;
  readonly failures: string;
  readonly writes: string;
}

function countPart(metrics: Metrics, health: () => readonly PluginHealth[], part: Part): void {
  const of = (value: (found: PluginHealth) => number) => () =>
    health()
      .filter(({ component }) => component === part.component)
      .map((found) => ({ labels: [found.pluginId, found.name], value: value(found) }));
  const name = `sluice_${part.component}`;
  const labels = ["plugin_id", part.label];
  const isUp = of(({ state }) => (state === "up" ? 1 : 0));
  // "min" of several workers: 1 while all of them reach it.
  metrics.readings(`${name}_up`, part.up, "gauge", labels, isUp, "min");
  metrics.readings(
    `${name}_failures_total`,
    part.failures,
    "counter",
    labels,
    of(({ failures }) => failures),
  );
  metrics.readings(
    `${name}_writes_total`,
    part.writes,
    "counter",
    labels,
    of(({ writes }) => writes),
  );
}

/** A closed breaker is 0, one that lets a request through to try is 1, an open one is 2. */
const breakerLevels = { off: 0, closed: 0, "half-open": 1, open: 2 } as const;

export function countTargets(metrics: Metrics, targets: () => readonly PluginTarget[]): void {
  const of = (value: (target: PluginTarget) => number) => () =>
    targets().map((target) => ({
      labels: [target.pluginId, String(target.index), target.name],
      value: value(target),
    }));
  const labels = ["plugin_id", "index", "target"];
  metrics.readings(
    "sluice_target_breaker",
    "0 in use, 1 tried with one request, 2 left out",
    "gauge",
    labels,
    of(({ breaker }) => breakerLevels[breaker]),
    "max", // of several workers: the one that is furthest from using it
  );
  metrics.readings(
    "sluice_target_in_flight",
    "Attempts under way, streams that have not ended included",
    "gauge",
    labels,
    of(({ inFlight }) => inFlight),
  );
  metrics.readings(
    "sluice_target_attempts_total",
    "Attempts that have ended since the target's configuration changed last",
    "counter",
    labels,
    of(({ attempts }) => attempts),
  );
  metrics.readings(
    "sluice_target_failures_total",
    "Attempts among them that failed",
    "counter",
    labels,
    of(({ failed }) => failed),
  );
}
