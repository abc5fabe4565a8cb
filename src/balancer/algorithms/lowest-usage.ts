import { lowest } from "../../util/lowest.ts";
import {
  type BalanceRequest,
  type BalancerServices,
  type BalancerSettings,
  defineBalancer,
  type Outcome,
  type SharedState,
  type Target,
  type Telling,
} from "../balancer.ts";
import { createSmoothWeighted } from "../smooth-weighted.ts";
import { tellsOfTarget } from "../target-failure.ts";
import {
  createTargetUsage,
  fade,
  hearUsage,
  inFlightOf,
  meanOf,
  measuredOf,
  type TargetUsage,
  tellUsage,
  typicalOf,
  type UsageSums,
  unmeasuredOf,
  usageOf,
} from "../target-usage.ts";

type Strategy = BalancerSettings["tokensCountStrategy"];

/**
 * The lowest usage ÷ weight wins; ties by smooth weighted round-robin. Usage is what was used since the start, of which
 * a half is forgotten in each half-life; attempts under way count as the target's mean one. An attempt that ends with
 * nothing measured (no tokens told, no price, a failure) counts as a mean one too, since it may have used something, and
 * since a target that fails must not look unused. A new target begins level with the least used of the others, so that
 * it gets its share and not every request until it has caught up.
 *
 * `llm-accuracy` is the other way about: the best mean score wins, whatever the weights; see `accuracyScore`.
 */
export const lowestUsage = defineBalancer({
  name: "lowest-usage",
  summary: "Sends to the target that has lately used the fewest tokens, or the least money, for its weight.",
  create(settings, targets, services) {
    const strategy = settings.tokensCountStrategy;
    const { usages, fresh, tellings } = recall(targets, settings, services);
    const all = [...usages.values()];
    const turn = createSmoothWeighted();
    const detail = Object.freeze({ reason: "balanced", detail: details[strategy], groups: [] } as const);

    function fadeAll(some: readonly TargetUsage[]): void {
      const now = services.now();
      for (const usage of some) fade(usage, now, settings.usageHalfLifeMs);
    }

    function scores(from = usages): (target: Target) => number {
      const looked = from === usages ? all : [...from.values()];
      fadeAll(looked);
      const typical = typicalOf(looked);
      return ({ id, weight }) => {
        const usage = from.get(id);
        if (usage === undefined) return Number.POSITIVE_INFINITY; // not one of the targets it was made for
        return strategy === "llm-accuracy"
          ? accuracyScore(usage, typical)
          : usageOf(usage, typical ?? 1) / weight;
      };
    }

    if (strategy !== "llm-accuracy") {
      const level = Math.min(...targets.filter(({ id }) => !fresh.has(id)).map(scores()));
      if (Number.isFinite(level)) for (const [usage, weight] of fresh.values()) lift(usage, level * weight);
    }

    return {
      pick(candidates, request) {
        explain(request, detail);
        // Fading in two steps rounds twice, which can break a tie: a trial lets a copy fade.
        const from = request.isTrial ? copyOf(usages) : usages;
        return turn.next(lowest(candidates, scores(from)), request);
      },
      started({ id }) {
        const usage = usages.get(id);
        if (usage === undefined) return;
        usage.inFlight++;
        tellings.get(id)?.changed();
      },
      observe({ id }, outcome) {
        const usage = usages.get(id);
        if (usage === undefined) return;
        fade(usage, services.now(), settings.usageHalfLifeMs);
        usage.inFlight = Math.max(0, usage.inFlight - 1);
        count(usage.own, measures[strategy](outcome));
        tellings.get(id)?.changed();
      },
      describeTarget({ id }) {
        const usage = usages.get(id);
        if (usage === undefined) return {};
        fadeAll(all);
        return describeUsage(usage, strategy, typicalOf(all) ?? 1);
      },
    };
  },
});

/** What is remembered of the targets, which of them are new, and how others are told of them. */
function recall(targets: readonly Target[], settings: BalancerSettings, services: BalancerServices) {
  const { tokensCountStrategy: strategy, usageHalfLifeMs } = settings;
  const usages = new Map<string, TargetUsage>();
  const fresh = new Map<string, readonly [TargetUsage, number]>();
  const tellings = new Map<string, Telling>();
  for (const target of targets) {
    // A change of the strategy changes the unit, so that each has a memory of its own.
    const byStrategy = services.memory.of<Partial<Record<Strategy, TargetUsage>>>(target, () => ({}));
    const known = byStrategy[strategy];
    const usage = known ?? createTargetUsage(services.now());
    byStrategy[strategy] = usage;
    if (known === undefined) fresh.set(target.id, [usage, target.weight]);
    usages.set(target.id, usage);
    tellings.set(target.id, services.memory.share(target, shareUsage(usage, strategy)));
  }
  return { usages, fresh, tellings };

  function shareUsage(usage: TargetUsage, own: Strategy): SharedState {
    const unit = strategies.indexOf(own);
    return {
      tell: () => [unit, ...tellUsage(usage)],
      hear(heard) {
        // Another process may not have taken the new config yet, and count something else.
        const same = heard.filter(({ row }) => row[0] === unit);
        const rows = same.map((each) => ({ ...each, row: each.row.slice(1) }));
        hearUsage(usage, rows, services.now(), usageHalfLifeMs);
      },
    };
  }
}

/** The place of a strategy is part of what processes tell each other: append only. */
const strategies: readonly Strategy[] = [
  "total-tokens",
  "prompt-tokens",
  "completion-tokens",
  "cost",
  "llm-accuracy",
];

/** Puts a new target where it need not catch up; what others have counted of it already is a part of that. */
function lift(usage: TargetUsage, level: number): void {
  usage.own.start = Math.max(0, level - usageOf(usage, 0));
}

function copyOf(usages: ReadonlyMap<string, TargetUsage>): Map<string, TargetUsage> {
  return new Map(
    [...usages].map(([id, usage]) => [id, { ...usage, own: { ...usage.own }, others: { ...usage.others } }]),
  );
}

function count(sums: UsageSums, value: number | undefined): void {
  if (value === undefined || !Number.isFinite(value) || value < 0) {
    sums.unmeasured++;
    return;
  }
  sums.sum += value;
  sums.measured++;
}

/** What an attempt has used, by what is counted; undefined: not known. */
const measures: Readonly<Record<Strategy, (outcome: Outcome) => number | undefined>> = {
  "total-tokens": (outcome) =>
    used(outcome, outcome.usage && outcome.usage.inputTokens + outcome.usage.outputTokens),
  "prompt-tokens": (outcome) => used(outcome, outcome.usage?.inputTokens),
  "completion-tokens": (outcome) => used(outcome, outcome.usage?.outputTokens),
  cost: (outcome) => used(outcome, outcome.costUsd),
  "llm-accuracy": accuracyOf,
};

/** An attempt that did not come to its end is believed what it used, but not that it used nothing. */
function used(outcome: Outcome, value: number | undefined): number | undefined {
  return outcome.ok || value !== 0 ? value : undefined;
}

/** A target's failure is the worst of answers. */
function accuracyOf(outcome: Outcome): number | undefined {
  if (outcome.ok || outcome.aborted) return outcome.accuracy;
  return tellsOfTarget(outcome.failure) ? worstAccuracy : undefined;
}

const worstAccuracy = 1;

/**
 * Best decayed mean first. A target without a score comes before all, one request at a time; one whose scores have faded
 * to less than half an answer counts as without, so that no target is written off for a bad start. After 20 answers that
 * nobody judged (a guess) it is taken for average, so that it does not draw all traffic for ever. `typical` is undefined
 * while nothing was judged at all: then all are equal.
 */
function accuracyScore(usage: TargetUsage, typical: number | undefined): number {
  if (typical === undefined) return 0;
  const mean = meanOf(usage);
  if (mean !== undefined && measuredOf(usage) >= leastScores) return -mean;
  if (unmeasuredOf(usage) >= mostUnjudged) return -(mean ?? typical);
  return inFlightOf(usage) === 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

const leastScores = 0.5;
const mostUnjudged = 20;

function describeUsage(
  usage: TargetUsage,
  strategy: Strategy,
  typical: number,
): Readonly<Record<string, number>> {
  if (strategy !== "llm-accuracy") return { [usageNames[strategy]]: usageOf(usage, typical) };
  const mean = meanOf(usage);
  return mean === undefined ? {} : { llm_accuracy: mean };
}

const usageNames = {
  "total-tokens": "total_tokens",
  "prompt-tokens": "prompt_tokens",
  "completion-tokens": "completion_tokens",
  cost: "cost_usd",
} as const;

const details: Readonly<Record<Strategy, string>> = {
  "total-tokens": "fewest tokens used of late, for its weight",
  "prompt-tokens": "fewest prompt tokens used of late, for its weight",
  "completion-tokens": "fewest completion tokens used of late, for its weight",
  cost: "least spent of late, for its weight",
  "llm-accuracy": "best accuracy of late",
};

function explain(request: BalanceRequest, decision: NonNullable<BalanceRequest["decision"]>): void {
  request.decision ??= decision;
}
