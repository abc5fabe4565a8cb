/** Counters for Prometheus, fed with access records: under Kong's names what Kong counts, under `sluice_` what is ours. */

import type { AiFacts } from "../llm/ai-facts.ts";
import type { AccessRecord } from "./access-record.ts";
import { createAiMetrics } from "./ai-metrics.ts";
import { createAnswerMetrics } from "./answer-metrics.ts";
import { createBudgetMetrics } from "./budget-metrics.ts";
import { type Counted, everything } from "./counted.ts";
import { createHttpMetrics } from "./http-metrics.ts";
import { bounded, maxConsumers, maxModels, none } from "./label-bounds.ts";
import { contentType, createMetricRegistry, type MetricRegistry } from "./prometheus.ts";
import { createRoutingMetrics } from "./routing-metrics.ts";

export interface Metrics extends Pick<MetricRegistry, "reading" | "readings" | "snapshot"> {
  /** Counts one exchange: under Kong's names what `counted` says, by default everything. */
  observe(record: AccessRecord, ai: AiFacts | undefined, counted?: Counted): void;
  /** The text that Prometheus scrapes, and its content type. */
  render(): { readonly text: string; readonly contentType: string };
}

export function createMetrics(): Metrics {
  const registry = createMetricRegistry();
  const countHttp = createHttpMetrics(registry);
  const countAi = createAiMetrics(registry);
  const countRouting = createRoutingMetrics(registry);
  const answers = createAnswerMetrics(registry);
  const countBudget = createBudgetMetrics(registry);
  const boundedConsumer = bounded(maxConsumers);
  const boundedModel = bounded(maxModels);

  return {
    observe(record, ai, counted = everything) {
      const route = record.route?.name ?? none;
      const consumer = counted.perConsumer ? boundedConsumer(callerOf(record)) : none;
      countHttp(record, route, consumer, counted);
      answers.countRetries(record, route);
      if (ai === undefined) return;
      if (ai.decision !== undefined) countRouting(ai.decision, ai, route);
      if (ai.budget !== undefined) countBudget(route, ai.budget);
      answers.countFailures(ai, route, boundedModel);
      answers.countSavings(ai, route);
      if (ai.provider === undefined) return;
      const model = boundedModel(ai.requestModel ?? none);
      answers.countAnswer(record, ai, ai.provider, model);
      if (counted.ai) countAi(ai, ai.provider, model, consumer);
    },
    reading: registry.reading,
    readings: registry.readings,
    snapshot: registry.snapshot,
    render: () => ({ text: registry.render(), contentType }),
  };
}

/** In Kong's order. */
function callerOf({ consumer }: AccessRecord): string {
  return consumer?.username ?? consumer?.custom_id ?? consumer?.id ?? none;
}
