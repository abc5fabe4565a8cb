/** Counters for Prometheus under Kong's names, fed with access records. */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { AccessRecord } from "./access-record.ts";
import type { AiFacts } from "./ai-facts.ts";

export interface Metrics {
  /** Counts one exchange. */
  observe(record: AccessRecord, ai: AiFacts | undefined): void;
  /** Reports a value when the metrics are read. */
  gauge(name: string, help: string, read: () => number): void;
  /** The text that Prometheus scrapes, and its content type. */
  render(): Promise<{ readonly text: string; readonly contentType: string }>;
}

const aiLabels = ["ai_provider", "ai_model", "cache_status", "vector_db", "embeddings_provider", "embeddings_model", "workspace", "consumer"] as const;
const requestLabels = [...aiLabels, "request_mode"] as const;
const httpLabels = ["service", "route", "code", "source", "workspace", "consumer"] as const;
const latencyLabels = ["service", "route", "workspace"] as const;

/** Kong's buckets for model latencies; the others are those of Kong's prometheus plugin. */
const providerBuckets = [250, 500, 1000, 1500, 2000, 2500, 3000, 3500, 4000, 4500, 5000, 10000, 30000, 60000];
const kongBuckets = [1, 2, 5, 7, 10, 15, 20, 30, 50, 75, 100, 200, 500, 750, 1000, 3000, 6000];
const latencyBuckets = [25, 50, 80, 100, 250, 400, 700, 1000, 2000, 5000, 10000, 30000, 60000];
const distanceBuckets = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];

/** Series that label values chosen by clients or operators may make; what comes later is counted under `other`. */
const maxModels = 500;

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Counter({ name: "kong_ai_llm_requests_total", help: "Requests answered by a model", labelNames: requestLabels, registers });
  const cost = new Counter({ name: "kong_ai_llm_cost_total", help: "Cost of requests in USD", labelNames: requestLabels, registers });
  const tokens = new Counter({ name: "kong_ai_llm_tokens_total", help: "Tokens by kind", labelNames: [...aiLabels, "token_type"], registers });
  const provider = new Histogram({ name: "kong_ai_llm_provider_latency_ms", help: "Milliseconds to the whole answer of a model", labelNames: requestLabels, buckets: providerBuckets, registers });
  const http = new Counter({ name: "kong_http_requests_total", help: "Requests by status", labelNames: httpLabels, registers });
  const total = new Histogram({ name: "kong_request_latency_ms", help: "Milliseconds from the first byte in to the last byte out", labelNames: latencyLabels, buckets: latencyBuckets, registers });
  const own = new Histogram({ name: "kong_kong_latency_ms", help: "Milliseconds added by the gateway", labelNames: latencyLabels, buckets: kongBuckets, registers });
  const upstream = new Histogram({ name: "kong_upstream_latency_ms", help: "Milliseconds to the upstream's head", labelNames: latencyLabels, buckets: latencyBuckets, registers });
  const bandwidth = new Counter({ name: "kong_bandwidth_bytes", help: "Body bytes in (ingress) and out (egress)", labelNames: ["service", "route", "direction", "workspace", "consumer"], registers });
  const decisions = new Counter({ name: "sluice_routing_decisions_total", help: "Routing decisions by reason", labelNames: ["route", "reason"], registers });
  const distance = new Histogram({ name: "sluice_routing_distance", help: "Distance of the nearest group", labelNames: ["route"], buckets: distanceBuckets, registers });
  const models = new Set<string>();

  const boundedModel = (model: string): string => {
    if (models.has(model)) return model;
    if (models.size >= maxModels) return "other";
    models.add(model);
    return model;
  };

  const observeAi = (ai: AiFacts, route: string): void => {
    if (ai.decision !== undefined) {
      decisions.inc({ route, reason: ai.decision.reason });
      const nearest = ai.decision.groups[0];
      if (nearest !== undefined) distance.observe({ route }, nearest.distance);
    }
    if (ai.provider === undefined) return;
    const labels = {
      ai_provider: ai.provider,
      ai_model: boundedModel(ai.requestModel ?? ""),
      cache_status: "",
      vector_db: ai.vectorDb,
      embeddings_provider: ai.embeddingsProvider,
      embeddings_model: ai.embeddingsModel,
      workspace: "default",
      consumer: "",
    };
    const withMode = { ...labels, request_mode: ai.mode };
    requests.inc(withMode);
    if (ai.llmLatencyMs !== undefined) provider.observe(withMode, ai.llmLatencyMs);
    if (ai.costUsd !== undefined && ai.costUsd > 0) cost.inc(withMode, ai.costUsd);
    if (ai.usage === undefined) return;
    tokens.inc({ ...labels, token_type: "prompt_tokens" }, ai.usage.inputTokens);
    tokens.inc({ ...labels, token_type: "completion_tokens" }, ai.usage.outputTokens);
    tokens.inc({ ...labels, token_type: "total_tokens" }, ai.usage.inputTokens + ai.usage.outputTokens);
  };

  return {
    observe(record, ai) {
      const service = record.service?.name ?? "";
      const route = record.route?.name ?? "";
      const labels = { service, route, workspace: "default" };
      http.inc({ ...labels, code: String(record.response.status), source: record.source === "kong" ? "kong" : "service", consumer: "" });
      total.observe(labels, record.latencies.request);
      own.observe(labels, record.latencies.kong);
      if (record.tries.length > 0) upstream.observe(labels, record.latencies.proxy);
      if (record.request.size > 0) bandwidth.inc({ ...labels, direction: "ingress", consumer: "" }, record.request.size);
      bandwidth.inc({ ...labels, direction: "egress", consumer: "" }, record.response.size);
      if (ai !== undefined) observeAi(ai, route);
    },
    gauge(name, help, read) {
      const gauge = new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
      void gauge;
    },
    async render() {
      return { text: await registry.metrics(), contentType: registry.contentType };
    },
  };
}
