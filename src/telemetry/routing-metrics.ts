/** Ours of the routing: which way requests went and why, how sure that was, and what it took to know. */
import type { AiFacts } from "../llm/ai-facts.ts";
import type { RoutingDecision } from "../llm/routing-decision.ts";
import { within } from "./label-bounds.ts";
import type { Counter, Histogram, MetricRegistry } from "./prometheus.ts";

/** Fine where thresholds lie (0.2 to 0.8 in the examples), since what is near a threshold is what one looks for. */
const distanceBuckets = [
  0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.9, 1,
];
const marginBuckets = [0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5];
/** From the embedder in the process, well below a millisecond, to the longest deadline of the examples. */
const embeddingBuckets = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2000];

interface RoutingSeries {
  readonly decisions: Counter;
  readonly distances: Histogram;
  readonly margins: Histogram;
}

/** Counts a decision. `ai` says whose vectors it was made with. */
export type CountRouting = (decision: RoutingDecision, ai: AiFacts, route: string) => void;

export function createRoutingMetrics(registry: MetricRegistry): CountRouting {
  const seriesOf = createSeries(registry);
  const embeddingOf = createEmbeddingSeries(registry);
  return (decision, ai, route) => {
    const { embedding, groups, margin, reason } = decision;
    const { decisions, distances, margins } = seriesOf(route, reason);
    decisions.add(1);
    const nearest = groups[0];
    if (nearest !== undefined) distances.observe(nearest.distance);
    if (margin !== undefined) margins.observe(margin);
    // A cached vector took no time; how many there were, `sluice_embedding_cache_hits_total` says.
    if (embedding?.cached === false)
      embeddingOf(ai.embeddingsProvider, embedding.model).observe(embedding.latencyMs);
  };
}

function createSeries(registry: MetricRegistry) {
  const labels = ["route", "reason"];
  const decisions = registry.counter(
    "sluice_routing_decisions_total",
    "Routing decisions by reason; the share of catchall is that of prompts which fitted no description",
    labels,
  );
  const distances = registry.histogram(
    "sluice_routing_distance",
    "Distance of the prompt to the nearest group of targets",
    labels,
    distanceBuckets,
  );
  const margins = registry.histogram(
    "sluice_routing_margin",
    "How much nearer the nearest group was than the second",
    labels,
    marginBuckets,
  );
  const known = new Map<string, Map<string, RoutingSeries>>();

  return (route: string, reason: string): RoutingSeries => {
    const byReason = within(known, route);
    let series = byReason.get(reason);
    if (series === undefined) {
      series = {
        decisions: decisions.with(route, reason),
        distances: distances.with(route, reason),
        margins: margins.with(route, reason),
      };
      byReason.set(reason, series);
    }
    return series;
  };
}

function createEmbeddingSeries(registry: MetricRegistry) {
  const latencies = registry.histogram(
    "sluice_embedding_latency_ms",
    "Milliseconds that requests waited for the vector of their prompt, where it was not cached",
    ["provider", "model"],
    embeddingBuckets,
  );
  const known = new Map<string, Map<string, Histogram>>();

  return (provider: string, model: string): Histogram => {
    const byModel = within(known, provider);
    let series = byModel.get(model);
    if (series === undefined) {
      series = latencies.with(provider, model);
      byModel.set(model, series);
    }
    return series;
  };
}
