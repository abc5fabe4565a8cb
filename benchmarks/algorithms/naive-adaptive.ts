/** What one would write first, or has written elsewhere, where the choice learns from what comes back. */
import type { Outcome, Target } from "../../src/balancer/balancer.ts";
import type { Side, World } from "./world.ts";

interface Seen {
  value: number | undefined;
  at: number;
  answers: number;
  inFlight: number;
}

type Learn = (seen: Seen, sample: number, now: number) => number;
type Score = (seen: Seen, now: number) => number;

/** The lowest score wins, the first of several; a target of which nothing is known comes first. */
function byLatency(name: string, learn: Learn, score: Score): Side {
  return {
    name,
    create({ targets, now }: World) {
      const all = new Map<Target, Seen>();
      for (const target of targets) all.set(target, { value: undefined, at: now(), answers: 0, inFlight: 0 });
      const scoreOf = (target: Target) => {
        const seen = all.get(target);
        return seen?.value === undefined ? 0 : score(seen, now());
      };
      return {
        pick: (candidates) => first(candidates, scoreOf),
        started(target) {
          const seen = all.get(target);
          if (seen !== undefined) seen.inFlight++;
        },
        observe(target, { latencyMs }) {
          const seen = all.get(target);
          if (seen === undefined) return;
          seen.inFlight--;
          seen.answers++;
          seen.value = seen.value === undefined ? latencyMs : learn(seen, latencyMs, now());
          seen.at = now();
        },
      };
    },
  };
}

const left = (seen: Seen, now: number) => Math.exp((seen.at - now) / 10_000);
const faded: Score = (seen, now) => (seen.value ?? 0) * left(seen, now);
const blend: Learn = (seen, sample, now) => {
  const kept = left(seen, now);
  return (seen.value ?? 0) * kept + sample * (1 - kept);
};
const peak: Learn = (seen, sample, now) => Math.max(sample, blend(seen, sample, now));

export const lastSample = byLatency(
  "fastest last answer",
  (_seen, sample) => sample,
  ({ value = 0 }) => value,
);

export const plainAverage = byLatency(
  "average of all answers",
  ({ value = 0, answers }, sample) => value + (sample - value) / answers,
  ({ value = 0 }) => value,
);

/** The formula of the open Kong's `latency` balancer: an idle target fades until something is found out of it. */
export const fadingAverage = byLatency("EWMA of 10 s, fading", blend, faded);

/** Finagle's PeakEwma: peaks at once, times what is in flight. */
export const peakTimesLoad = byLatency(
  "peak EWMA × in flight",
  peak,
  (seen, now) => faded(seen, now) * (seen.inFlight + 1),
);

/** Adds up what has ended and knows nothing of what is under way, nor of time. */
export const plainUsage: Side = {
  name: "added up at the end, kept for ever",
  create() {
    const used = new Map<Target, number>();
    return {
      pick: (candidates) => first(candidates, (target) => (used.get(target) ?? 0) / target.weight),
      observe: (target, outcome) => void used.set(target, (used.get(target) ?? 0) + tokensOf(outcome)),
    };
  },
};

function tokensOf({ usage }: Outcome): number {
  return usage === undefined ? 0 : usage.inputTokens + usage.outputTokens;
}

function first(candidates: readonly Target[], score: (target: Target) => number): Target | undefined {
  let best: Target | undefined;
  let lowest = Number.POSITIVE_INFINITY;
  for (const target of candidates) {
    const own = score(target);
    if (best !== undefined && own >= lowest) continue;
    best = target;
    lowest = own;
  }
  return best;
}
