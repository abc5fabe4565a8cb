/** Kong's metrics of models. Those of its semantic cache come with the cache; until then its labels are empty. */
import type { AiFacts } from "../llm/ai-facts.ts";
import { maxCombinations, none, other, within } from "./label-bounds.ts";
import type { Counter, Histogram, MetricRegistry } from "./prometheus.ts";

const workspace = "default";
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

/** Kong's. */
const providerBuckets = [250, 500, 1000, 1500, 2000, 2500, 3000, 3500, 4000, 4500, 5000, 10000, 30000, 60000];

interface AiSeries {
  readonly requests: Counter;
  readonly latency: Histogram;
  /** Shown once there is a cost: at 0 it would say that an unpriced model is free. */
  readonly cost: Counter;
  readonly promptTokens: Counter;
  readonly completionTokens: Counter;
  readonly totalTokens: Counter;
}

/** Counts an exchange that a model of this name has answered, or was asked last. */
export type CountAi = (ai: AiFacts, provider: string, model: string, consumer: string) => void;

export function createAiMetrics(registry: MetricRegistry): CountAi {
  const seriesOf = createSeries(registry);
  return (ai, provider, model, consumer) => {
    const { costUsd, llmLatencyMs, usage } = ai;
    const series = seriesOf(provider, ai.mode, model, consumer);
    series.requests.add(1);
    if (llmLatencyMs !== undefined) series.latency.observe(llmLatencyMs);
    if (costUsd !== undefined && costUsd > 0) series.cost.add(costUsd);
    if (usage === undefined) return;
    series.promptTokens.add(usage.inputTokens);
    series.completionTokens.add(usage.outputTokens);
    series.totalTokens.add(usage.inputTokens + usage.outputTokens);
  };
}

function createSeries(registry: MetricRegistry) {
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
  const known = new Map<string, Map<string, Map<string, Map<string, AiSeries>>>>();
  let count = 0;

  return function seriesOf(provider: string, mode: string, model: string, consumer: string): AiSeries {
    const byConsumer = within(within(within(known, provider), mode), model);
    let series = byConsumer.get(consumer);
    if (series !== undefined) return series;
    const isRest = model === other && (consumer === none || consumer === other);
    if (count >= maxCombinations && !isRest)
      return seriesOf(provider, mode, other, consumer === none ? none : other);
    const labels = [provider, model, none, none, none, none, workspace, consumer];
    series = {
      requests: requests.with(...labels, mode),
      latency: latency.with(...labels, mode),
      cost: cost.with(...labels, mode),
      promptTokens: tokens.with(...labels, "prompt_tokens"),
      completionTokens: tokens.with(...labels, "completion_tokens"),
      totalTokens: tokens.with(...labels, "total_tokens"),
    };
    byConsumer.set(consumer, series);
    count++;
    return series;
  };
}
