import { lowest } from "../../util/lowest.ts";
import { type BalanceRequest, defineBalancer, type Target } from "../balancer.ts";
import { createSmoothWeighted } from "../smooth-weighted.ts";
import {
  beginAttempt,
  createTargetLatency,
  crowding,
  endAttempt,
  expectedLatency,
  type LatencyStrategy,
  type TargetLatency,
} from "../target-latency.ts";

/**
 * The lowest expected latency × crowding ÷ weight wins; ties by smooth weighted round-robin. The latency is a
 * peak-sensitive moving average (10 s, 50 requests at least) of the time per token of output (`tpot`; an answer whose
 * tokens are unknown is no sample) or of the whole time (`e2e`). An idle target's average decays, so that it gets a
 * request now and then, one at a time; a new one begins at the mean of the others. Each failure makes a target look
 * three times slower at once and counts as a sample of the read timeout. A client that leaves can only raise the average.
 *
 * Dividing by the weight is what Kong's code does, though one of its pages says weights are ignored: a weight of 2 makes
 * up for twice the latency; equal weights change nothing.
 */
export const lowestLatency = defineBalancer({
  name: "lowest-latency",
  summary: "Sends to the target that has lately answered fastest, and now and then tries the others again.",
  create(settings, targets, services) {
    const strategy = settings.latencyStrategy;
    const latencies = new Map<string, TargetLatency>();
    for (const target of targets) {
      // A change of the strategy changes the unit, so that each has a memory of its own.
      const byStrategy = services.memory.of<Partial<Record<LatencyStrategy, TargetLatency>>>(
        target,
        () => ({}),
      );
      byStrategy[strategy] ??= createTargetLatency(services.now());
      latencies.set(target.id, byStrategy[strategy]);
    }
    const all = [...latencies.values()];
    const turn = createSmoothWeighted();
    const look = () => {
      const now = services.now();
      return { now, strategy, known: meanExpected(all, now, strategy) };
    };

    function scores(): (target: Target) => number {
      const context = look();
      return ({ id, weight }) => {
        const latency = latencies.get(id);
        if (latency === undefined) return Number.POSITIVE_INFINITY; // not one of the targets it was made for
        return (expectedLatency(latency, context) * crowding(latency)) / weight;
      };
    }

    return {
      pick(candidates, request) {
        explain(request);
        const picked = turn.next(lowest(candidates, scores()), request);
        if (request.isTrial) return picked;
        for (const { id } of candidates) {
          const latency = latencies.get(id);
          if (latency !== undefined) latency.turns++;
        }
        return picked;
      },
      started({ id }) {
        const latency = latencies.get(id);
        if (latency !== undefined) beginAttempt(latency, services.now());
      },
      observe({ id }, outcome) {
        const latency = latencies.get(id);
        if (latency === undefined) return;
        endAttempt(latency, outcome, { ...look(), penaltyMs: settings.readTimeoutMs });
      },
      describeTarget(target) {
        const latency = latencies.get(target.id);
        return {
          ...(latency?.average !== undefined && { [`${strategy}_ms`]: latency.average }),
          score: scores()(target),
        };
      },
    };
  },
});

/** Where a new target begins: at the mean of those that are known; at any number while none is. */
function meanExpected(latencies: readonly TargetLatency[], now: number, strategy: LatencyStrategy): number {
  let total = 0;
  let count = 0;
  for (const latency of latencies) {
    if (latency.average === undefined) continue;
    total += expectedLatency(latency, { now, strategy, known: latency.average });
    count++;
  }
  return count === 0 ? 1 : total / count;
}

const balanced = Object.freeze({
  reason: "balanced",
  detail: "lowest latency expected",
  groups: [],
} as const);

function explain(request: BalanceRequest): void {
  request.decision ??= balanced;
}
