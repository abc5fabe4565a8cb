/** Counters for Prometheus under Kong's names, fed with access records. */

import type { AiFacts } from "../llm/ai-facts.ts";
import type { BudgetFacts } from "../llm/budget-facts.ts";
import type { AccessRecord } from "./access-record.ts";
import {
  type Counter,
  contentType,
  createMetricRegistry,
  type Histogram,
  type MetricRegistry,
} from "./prometheus.ts";

export interface Metrics extends Pick<MetricRegistry, "reading" | "readings" | "snapshot"> {
  /** Counts one exchange. */
  observe(record: AccessRecord, ai: AiFacts | undefined): void;
  /** The text that Prometheus scrapes, and its content type. */
  render(): { readonly text: string; readonly contentType: string };
}

const aiLabels = [
  "ai_provider",
  "ai_model",
  "cache_status",
  "vector_db",
  "embeddings_provider",
  "embeddings_model",
  "workspace",
  "consumer",
];
const requestLabels = [...aiLabels, "request_mode"];
const latencyLabels = ["service", "route", "workspace"];
const workspace = "default";
/** Labels that this version has no value for. */
const none = "";

/** Kong's buckets for model latencies; the others are those of Kong's prometheus plugin. */
const providerBuckets = [250, 500, 1000, 1500, 2000, 2500, 3000, 3500, 4000, 4500, 5000, 10000, 30000, 60000];
const kongBuckets = [1, 2, 5, 7, 10, 15, 20, 30, 50, 75, 100, 200, 500, 750, 1000, 3000, 6000];
const latencyBuckets = [25, 50, 80, 100, 250, 400, 700, 1000, 2000, 5000, 10000, 30000, 60000];
const distanceBuckets = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];

/** Models that clients may name are as many as they like; what comes later is counted as `other`. */
const maxModels = 500;
/** The same for consumers, of which a config may have more than a metrics store would thank us for. */
const maxConsumers = 1_000;

interface HttpSeries {
  readonly requests: Counter;
  readonly total: Histogram;
  readonly own: Histogram;
  readonly upstream: Histogram;
  readonly ingress: Counter;
  readonly egress: Counter;
}

interface AiSeries {
  readonly requests: Counter;
  readonly latency: Histogram;
  /** Shown once there is a cost: at 0 it would say that an unpriced model is free. */
  readonly cost: Counter;
  readonly promptTokens: Counter;
  readonly completionTokens: Counter;
  readonly totalTokens: Counter;
}

export function createMetrics(): Metrics {
  const registry = createMetricRegistry();
  const httpSeries = createHttpSeries(registry);
  const aiSeries = createAiSeries(registry);
  const routingSeries = createRoutingSeries(registry);
  const countBudget = createBudgetSeries(registry);
  const boundedConsumer = bounded(maxConsumers);

  return {
    observe(record, ai) {
      const route = record.route?.name ?? none;
      const consumer = boundedConsumer(record.consumer?.username ?? record.consumer?.id ?? none);
      countHttp(record, httpSeries(record, route, consumer));
      if (ai === undefined) return;
      if (ai.decision !== undefined) {
        const { decisions, distances } = routingSeries(route, ai.decision.reason);
        decisions.add(1);
        const nearest = ai.decision.groups[0];
        if (nearest !== undefined) distances.observe(nearest.distance);
      }
      if (ai.budget !== undefined) countBudget(route, ai.budget);
      if (ai.provider !== undefined) countAi(ai, aiSeries(ai, ai.provider, consumer));
    },
    reading: registry.reading,
    readings: registry.readings,
    snapshot: registry.snapshot,
    render: () => ({ text: registry.render(), contentType }),
  };
}

function countHttp({ latencies, request, response, tries }: AccessRecord, series: HttpSeries): void {
  series.requests.add(1);
  series.total.observe(latencies.request);
  series.own.observe(latencies.kong);
  if (tries.length > 0) series.upstream.observe(latencies.proxy);
  series.ingress.add(request.size);
  series.egress.add(response.size);
}

function countAi({ costUsd, llmLatencyMs, usage }: AiFacts, series: AiSeries): void {
  series.requests.add(1);
  if (llmLatencyMs !== undefined) series.latency.observe(llmLatencyMs);
  if (costUsd !== undefined && costUsd > 0) series.cost.add(costUsd);
  if (usage === undefined) return;
  series.promptTokens.add(usage.inputTokens);
  series.completionTokens.add(usage.outputTokens);
  series.totalTokens.add(usage.inputTokens + usage.outputTokens);
}

type Registry = ReturnType<typeof createMetricRegistry>;

function createHttpSeries(registry: Registry) {
  const http = registry.counter("kong_http_requests_total", "Requests by status", [
    "service",
    "route",
    "code",
    "source",
    "workspace",
    "consumer",
  ]);
  const total = registry.histogram(
    "kong_request_latency_ms",
    "Milliseconds from the first byte in to the last byte out",
    latencyLabels,
    latencyBuckets,
  );
  const own = registry.histogram(
    "kong_kong_latency_ms",
    "Milliseconds added by the gateway",
    latencyLabels,
    kongBuckets,
  );
  const upstream = registry.histogram(
    "kong_upstream_latency_ms",
    "Milliseconds to the upstream's head",
    latencyLabels,
    latencyBuckets,
  );
  const bandwidth = registry.counter("kong_bandwidth_bytes", "Body bytes in (ingress) and out (egress)", [
    "service",
    "route",
    "direction",
    "workspace",
    "consumer",
  ]);
  const known = new Map<string, HttpSeries>();

  return (record: AccessRecord, route: string, consumer: string): HttpSeries => {
    const { source } = record;
    const { status } = record.response;
    const service = record.service?.name ?? none;
    const key = `${status} ${source} ${service}\n${route}\n${consumer}`;
    let series = known.get(key);
    if (series === undefined) {
      series = {
        requests: http.with(
          service,
          route,
          String(status),
          source === "kong" ? "kong" : "service",
          workspace,
          consumer,
        ),
        total: total.with(service, route, workspace),
        own: own.with(service, route, workspace),
        upstream: upstream.with(service, route, workspace),
        ingress: bandwidth.with(service, route, "ingress", workspace, consumer),
        egress: bandwidth.with(service, route, "egress", workspace, consumer),
      };
      known.set(key, series);
    }
    return series;
  };
}

function createAiSeries(registry: Registry) {
  const requests = registry.counter(
    "kong_ai_llm_requests_total",
    "Requests answered by a model",
    requestLabels,
  );
  const cost = registry.counter("kong_ai_llm_cost_total", "Cost of requests in USD", requestLabels);
  const tokens = registry.counter("kong_ai_llm_tokens_total", "Tokens by kind", [...aiLabels, "token_type"]);
  const latency = registry.histogram(
    "kong_ai_llm_provider_latency_ms",
    "Milliseconds to the whole answer of a model",
    requestLabels,
    providerBuckets,
  );
  const known = new Map<string, AiSeries>();
  const boundedModel = bounded(maxModels);

  return (ai: AiFacts, provider: string, consumer: string): AiSeries => {
    const model = boundedModel(ai.requestModel ?? none);
    const key = `${provider} ${ai.mode} ${ai.vectorDb} ${ai.embeddingsProvider} ${ai.embeddingsModel} ${model}\n${consumer}`;
    let series = known.get(key);
    if (series === undefined) {
      const labels = [
        provider,
        model,
        none,
        ai.vectorDb,
        ai.embeddingsProvider,
        ai.embeddingsModel,
        workspace,
        consumer,
      ];
      series = {
        requests: requests.with(...labels, ai.mode),
        latency: latency.with(...labels, ai.mode),
        cost: cost.with(...labels, ai.mode),
        promptTokens: tokens.with(...labels, "prompt_tokens"),
        completionTokens: tokens.with(...labels, "completion_tokens"),
        totalTokens: tokens.with(...labels, "total_tokens"),
      };
      known.set(key, series);
    }
    return series;
  };
}

/** Lets so many different values of a label through; later ones become `other`. */
function bounded(most: number): (value: string) => string {
  const known = new Set<string>();
  return (value) => {
    if (value === none || known.has(value)) return value;
    if (known.size >= most) return "other";
    known.add(value);
    return value;
  };
}

interface RoutingSeries {
  readonly decisions: Counter;
  readonly distances: Histogram;
}

function createRoutingSeries(registry: Registry) {
  const decisions = registry.counter("sluice_routing_decisions_total", "Routing decisions by reason", [
    "route",
    "reason",
  ]);
  const distances = registry.histogram(
    "sluice_routing_distance",
    "Distance of the nearest group",
    ["route"],
    distanceBuckets,
  );
  const known = new Map<string, RoutingSeries>();

  return (route: string, reason: string): RoutingSeries => {
    const key = `${reason} ${route}`;
    let series = known.get(key);
    if (series === undefined) {
      series = { decisions: decisions.with(route, reason), distances: distances.with(route) };
      known.set(key, series);
    }
    return series;
  };
}

function createBudgetSeries(registry: Registry): (route: string, budget: BudgetFacts) => void {
  const requests = registry.counter(
    "sluice_budget_requests_total",
    "Requests to which a budget applied: within it, shifted to the cheapest target (soft), or refused (exceeded)",
    ["route", "outcome"],
  );
  const charged = registry.counter(
    "sluice_budget_charged_total",
    "What was counted, in tokens, or in USD for the strategy cost",
    ["route", "policy", "strategy", "window_size"],
  );
  const local = registry.counter(
    "sluice_budget_local_decisions_total",
    "Decisions without the counts of other gateways, because the server that has them was away or late",
    ["route"],
  );
  return (route, { counters, limits, outcome }) => {
    requests.with(route, outcome).add(1);
    if (counters === "local") local.with(route).add(1);
    for (const { charged: amount = 0, policy, strategy, window_size } of limits)
      if (amount > 0) charged.with(route, policy, strategy, String(window_size)).add(amount);
  };
}
