import { type BalanceRequest, defineBalancer, type Target, type TargetMemory } from "../balancer.ts";
import { createSmoothWeighted } from "../smooth-weighted.ts";

/** Attempts under way: of this process, and of all others. */
interface Connections {
  own: number;
  others: number;
}

/**
 * Weighted least connections: the lowest (in flight + 1) ÷ weight, so that a weight counts while all are idle too; ties
 * by smooth weighted round-robin. Under load the attempts in flight follow the weights, whatever the targets' speeds; a
 * lone client always gets the heaviest. A stream counts until its end.
 *
 * Several processes count together. As each knows of the others' attempts a little late, the balance is off by no more
 * than what begins in that time.
 */
export const leastConnections = defineBalancer({
  name: "least-connections",
  summary: "Sends to the target that has the fewest requests under way for its weight.",
  create(_settings, targets, { memory }) {
    // Looked up once: an attempt that outlives this balancer then still ends on the count that its successor reads.
    const counts = new Map(targets.map((target) => [target.id, countOf(target, memory)]));
    const turn = createSmoothWeighted();
    const connections = (target: Target) => counts.get(target.id)?.total() ?? 0;
    const score = (target: Target) => (connections(target) + 1) / target.weight;
    return {
      pick(candidates, request) {
        explain(request);
        return turn.next(lowest(candidates, score), request);
      },
      started: (target) => counts.get(target.id)?.add(1),
      observe: (target) => counts.get(target.id)?.add(-1),
      describeTarget: (target) => ({ connections: connections(target), score: score(target) }),
    };
  },
});

function countOf(target: Target, memory: TargetMemory) {
  const count = memory.of<Connections>(target, () => ({ own: 0, others: 0 }));
  const telling = memory.share(target, {
    tell: () => [count.own],
    hear(heard) {
      count.others = heard.reduce((sum, { row: [own = 0], isAlive }) => sum + (isAlive ? own : 0), 0);
    },
  });
  return {
    total: () => count.own + count.others,
    add(change: 1 | -1) {
      count.own = Math.max(0, count.own + change);
      telling.changed();
    },
  };
}

/** All that share the lowest score. */
function lowest(candidates: readonly Target[], score: (target: Target) => number): readonly Target[] {
  let best = Number.POSITIVE_INFINITY;
  let found: Target[] = [];
  for (const candidate of candidates) {
    const own = score(candidate);
    if (own < best) found = [];
    if (own > best) continue;
    best = own;
    found.push(candidate);
  }
  return found;
}

const balanced = Object.freeze({
  reason: "balanced",
  detail: "fewest requests under way for its weight",
  groups: [],
} as const);

function explain(request: BalanceRequest): void {
  request.decision ??= balanced;
}
