/** Metrics that are kept elsewhere and read when Prometheus asks: the process, embedding, vector stores, targets. */
import type { Gateway, PluginHealth, PluginTarget } from "../gateway.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { version } from "../util/version.ts";
import type { Runtime } from "./runtime.ts";

/** Where they are read. */
export interface ReadingSource {
  readonly runtime: Runtime;
  /** There is none until it has started. */
  readonly gateway: () => Gateway | undefined;
  /** Outside parts: those of plugins, and the ledger. */
  readonly health: () => readonly PluginHealth[];
  /** Undefined where it is off. */
  readonly ledger: Ledger | undefined;
}

export function addReadings(metrics: Metrics, { runtime, gateway, health, ledger }: ReadingSource): void {
  countProcess(metrics, gateway);
  countEmbeddings(metrics, runtime);
  countComponents(metrics, health);
  countTargets(metrics, () => gateway()?.targets() ?? []);
  if (ledger !== undefined) countLedger(metrics, ledger);
}

function countProcess(metrics: Metrics, gateway: () => Gateway | undefined): void {
  metrics.readings(
    "sluice_build_info",
    "1, with the version of the gateway",
    "gauge",
    ["version"],
    () => [{ labels: [version()], value: 1 }],
    "max",
  );
  metrics.reading("sluice_exchanges_running", "Exchanges under way", "gauge", () => gateway()?.running ?? 0);
  metrics.reading("sluice_memory_bytes", "Resident memory of the processes that serve", "gauge", () =>
    process.memoryUsage.rss(),
  );
}

function countEmbeddings(metrics: Metrics, runtime: Runtime): void {
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
  metrics.readings(
    "sluice_embedding_breaker",
    "0 in use, 1 tried with one call, 2 not called",
    "gauge",
    ["provider", "model"],
    () =>
      runtime.embeddings.stats().map(({ provider, model, breaker }) => ({
        labels: [provider, model],
        value: breakerLevels[breaker],
      })),
    "max",
  );
}

function countComponents(metrics: Metrics, health: () => readonly PluginHealth[]): void {
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
    component: "ledger",
    label: "store",
    up: "1 while the ledger's store answered the last time it was asked",
    failures: "Contacts with the ledger's store that failed",
    writes: "Entries that the ledger's store has confirmed",
  });
  countPart(metrics, health, {
    component: "log_endpoint",
    label: "endpoint",
    up: "1 while the endpoint took the last entries that were sent to it",
    failures: "Deliveries of log entries that failed, those that were tried again included",
    writes: "Log entries that the endpoint has taken",
  });
  countPart(metrics, health, {
    component: "log_file",
    label: "file",
    up: "1 while the file took the last entries that were written to it",
    failures: "Writes of log entries that failed",
    writes: "Log entries that were written",
  });
  metrics.readings(
    "sluice_log_entries_dropped_total",
    "Log entries that were given up: the queue was full, or they could not be delivered or written",
    "counter",
    ["plugin_id", "place"],
    () =>
      health().flatMap(({ component, dropped, name, pluginId }) =>
        dropped === undefined || !component.startsWith("log_")
          ? []
          : [{ labels: [pluginId, name], value: dropped }],
      ),
  );
  countPart(metrics, health, {
    component: "trace_collector",
    label: "collector",
    up: "1 while the collector took the spans it was sent last",
    failures: "Tries to send spans that failed",
    writes: "Batches of spans that the collector has taken",
    dropped: "Spans that were given up, since they could not be sent in time",
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
  /** Only for parts that give things up. */
  readonly dropped?: string;
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
  if (part.dropped === undefined) return;
  metrics.readings(
    `${name}_dropped_total`,
    part.dropped,
    "counter",
    labels,
    of(({ dropped }) => dropped ?? 0),
  );
}

/** A closed breaker is 0, one that lets a request through to try is 1, an open one is 2. */
const breakerLevels = { off: 0, closed: 0, "half-open": 1, open: 2 } as const;

function countTargets(metrics: Metrics, targets: () => readonly PluginTarget[]): void {
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
    "sluice_target_healthy",
    "1 while the target's health check finds it well; only targets that have one",
    "gauge",
    labels,
    () =>
      targets().flatMap(({ healthy, index, name, pluginId }) =>
        healthy === undefined ? [] : [{ labels: [pluginId, String(index), name], value: healthy ? 1 : 0 }],
      ),
    "min",
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

/** What waits and what was lost; `countComponents` has the rest. */
function countLedger(metrics: Metrics, ledger: Ledger): void {
  metrics.reading(
    "sluice_ledger_waiting",
    "Entries in memory that the ledger's store does not have yet",
    "gauge",
    () => ledger.health().waiting,
  );
  metrics.reading(
    "sluice_ledger_lost_total",
    "Entries lost because there was no room for them, or that could not be kept",
    "counter",
    () => ledger.health().refused + ledger.health().invalid,
  );
}
