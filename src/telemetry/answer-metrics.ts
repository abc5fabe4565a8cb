/** Ours of the way to an answer: failed attempts, streams, and what of usage and cost is not known for sure. */
import { toUsd } from "../accounting/money.ts";
import type { AiFacts, TriedTarget } from "../llm/ai-facts.ts";
import type { AccessRecord } from "./access-record.ts";
import { maxCombinations, other, within } from "./label-bounds.ts";
import type { Counter, Histogram, MetricRegistry } from "./prometheus.ts";

const modelLabels = ["ai_provider", "ai_model"];
const attemptLabels = ["route", "target", "failure"];
const firstTokenBuckets = [50, 100, 200, 300, 500, 750, 1000, 1500, 2000, 3000, 5000, 10000, 30000];

interface ModelSeries {
  readonly firstToken: Histogram;
  readonly costUnknown: Counter;
  readonly estimated: Counter;
  /** By outcome. */
  readonly streams: Map<string, Counter>;
}

interface FailureSeries {
  readonly failures: Counter;
  readonly failovers: Counter;
}

export interface AnswerMetrics {
  /** Counts attempts after the first, whoever made them. */
  countRetries(record: AccessRecord, route: string): void;
  /** Counts attempts that failed. `bound` is for the names of models, which clients may make up. */
  countFailures(ai: AiFacts, route: string, bound: (model: string) => string): void;
  /** Counts what was spent and what the same tokens would have cost elsewhere, where all of it is known. */
  countSavings(ai: AiFacts, route: string): void;
  /** Counts what a model of this name has answered. */
  countAnswer(record: AccessRecord, ai: AiFacts, provider: string, model: string): void;
}

export function createAnswerMetrics(registry: MetricRegistry): AnswerMetrics {
  const retries = registry.counter("sluice_retries_total", "Attempts after the first of an exchange", [
    "route",
  ]);
  const savingsOf = createSavingsSeries(registry);
  const failureOf = createFailureSeries(registry);
  const { modelOf, streamOf } = createModelSeries(registry);
  return {
    countRetries(record, route) {
      if (record.tries.length > 1) retries.with(route).add(record.tries.length - 1);
    },
    countFailures({ tried }, route, bound) {
      for (const [at, attempt] of tried.entries()) {
        const failure = attempt.failure_kind ?? attempt.failure;
        if (failure === undefined) continue;
        const series = failureOf(route, targetName(attempt, bound), failure);
        series.failures.add(1);
        if (at < tried.length - 1) series.failovers.add(1);
      }
    },
    countSavings({ baselines, costUsd, decision }, route) {
      const routingUsd = decision?.embedding === undefined ? 0 : decision.embedding.costUsd;
      if (costUsd === undefined || routingUsd === undefined || baselines === undefined) return;
      const [strongest, cheapest] = ["strongest", "cheapest"].map(
        (name) => baselines.find((baseline) => baseline.name === name)?.costPicoUsd,
      );
      if (strongest === undefined || cheapest === undefined) return;
      const series = savingsOf(route);
      series.spent.add(costUsd + routingUsd);
      series.strongest.add(toUsd(strongest));
      series.cheapest.add(toUsd(cheapest));
    },
    countAnswer(record, ai, provider, model) {
      const { costUsd, timeToFirstTokenMs, usage } = ai;
      if (timeToFirstTokenMs !== undefined) modelOf(provider, model).firstToken.observe(timeToFirstTokenMs);
      if (usage !== undefined && costUsd === undefined) modelOf(provider, model).costUnknown.add(1);
      if (usage?.estimated === true) modelOf(provider, model).estimated.add(1);
      const outcome = streamOutcome(record, ai);
      if (outcome !== undefined) streamOf(provider, model, outcome).add(1);
    },
  };
}

/** Undefined where no stream has begun: whole answers, and errors told with a status. */
function streamOutcome(
  { error, response }: AccessRecord,
  { mode, streamError }: AiFacts,
): string | undefined {
  if (mode !== "stream") return undefined;
  if (streamError !== undefined) return streamError;
  return error === undefined && response.status < 400 ? "complete" : undefined;
}

function targetName({ model, provider }: TriedTarget, bound: (model: string) => string): string {
  return `${provider}/${bound(model)}`;
}

interface SavingsSeries {
  readonly spent: Counter;
  readonly strongest: Counter;
  readonly cheapest: Counter;
}

/** Two sums rather than their difference: a counter cannot go down, and what was saved can. */
function createSavingsSeries(registry: MetricRegistry): (route: string) => SavingsSeries {
  const spent = registry.counter(
    "sluice_spent_usd_total",
    "What exchanges have cost whose baselines are known, routing included",
    ["route"],
  );
  const baselines = registry.counter(
    "sluice_baseline_usd_total",
    "What the same tokens would have cost at the dearest and at the cheapest target",
    ["route", "baseline"],
  );
  const known = new Map<string, SavingsSeries>(); // routes are the config's
  return (route) => {
    const series = known.get(route) ?? {
      spent: spent.with(route),
      strongest: baselines.with(route, "strongest"),
      cheapest: baselines.with(route, "cheapest"),
    };
    known.set(route, series);
    return series;
  };
}

function createFailureSeries(registry: MetricRegistry) {
  const failures = registry.counter(
    "sluice_attempt_failures_total",
    "Attempts on a target that failed, by the kind of failure",
    attemptLabels,
  );
  const failovers = registry.counter(
    "sluice_failovers_total",
    "Those of them after which another target was tried",
    attemptLabels,
  );
  const known = new Map<string, Map<string, Map<string, FailureSeries>>>();
  let count = 0;

  return function failureOf(route: string, target: string, failure: string): FailureSeries {
    const byFailure = within(within(known, route), target);
    let series = byFailure.get(failure);
    if (series !== undefined) return series;
    if (count >= maxCombinations && target !== other) return failureOf(route, other, failure);
    series = {
      failures: failures.with(route, target, failure),
      failovers: failovers.with(route, target, failure),
    };
    byFailure.set(failure, series);
    count++;
    return series;
  };
}

function createModelSeries(registry: MetricRegistry) {
  const firstToken = registry.histogram(
    "sluice_time_to_first_token_ms",
    "Milliseconds to the first content of a stream",
    modelLabels,
    firstTokenBuckets,
  );
  const streams = registry.counter(
    "sluice_streams_total",
    "Streams that have begun, by how they ended: complete, client_aborted, or the error that the client was told",
    [...modelLabels, "outcome"],
  );
  const costUnknown = registry.counter(
    "sluice_cost_unknown_total",
    "Answers whose cost is unknown, since the model has no price",
    modelLabels,
  );
  const estimated = registry.counter(
    "sluice_usage_estimated_total",
    "Answers whose tokens the vendor did not tell, so that we estimated them",
    modelLabels,
  );
  const known = new Map<string, Map<string, ModelSeries>>();

  function modelOf(provider: string, model: string): ModelSeries {
    const byModel = within(known, provider);
    let series = byModel.get(model);
    if (series === undefined) {
      series = {
        firstToken: firstToken.with(provider, model),
        costUnknown: costUnknown.with(provider, model),
        estimated: estimated.with(provider, model),
        streams: new Map(),
      };
      byModel.set(model, series);
    }
    return series;
  }

  return {
    modelOf,
    streamOf(provider: string, model: string, outcome: string): Counter {
      const byOutcome = modelOf(provider, model).streams;
      let series = byOutcome.get(outcome);
      if (series === undefined) {
        series = streams.with(provider, model, outcome);
        byOutcome.set(outcome, series);
      }
      return series;
    },
  };
}
