/** What one would write first: the sides that the algorithms are compared with. */
import type { Target } from "../../src/balancer/balancer.ts";
import { createHashRing, ringPoints, ringPosition } from "../../src/util/hash-ring.ts";
import type { Side } from "./world.ts";

/** Chance in proportion to the weights; no state. */
export const weightedRandom: Side = {
  name: "random by weight",
  create: ({ random }) => ({
    pick(candidates) {
      let left = random() * candidates.reduce((total, { weight }) => total + weight, 0);
      return candidates.find(({ weight }) => {
        left -= weight;
        return left < 0;
      });
    },
  }),
};

/** As many entries in a row as the weight says, walked in order: right in the end, in bursts meanwhile. */
export const blockwiseTurns: Side = {
  name: "in turn, in blocks",
  create({ targets }) {
    const wheel = targets.flatMap((target) => Array.from({ length: target.weight }, () => target));
    let at = 0;
    return {
      pick(candidates) {
        for (let tries = 0; tries < wheel.length; tries++) {
          const target = wheel[at++ % wheel.length];
          if (target !== undefined && candidates.includes(target)) return target;
        }
        return undefined;
      },
    };
  },
};

/** The hash of the key modulo the sum of the weights of what is up. */
export const moduloHashing: Side = {
  name: "hash modulo weights",
  create: () => ({
    pick(candidates, { header }) {
      const all = candidates.reduce((total, { weight }) => total + weight, 0);
      let left = ringPosition(header("x-session") ?? "") % all;
      return candidates.find(({ weight }) => {
        left -= weight;
        return left < 0;
      });
    },
  }),
};

/** The usual Ketama ring (libketama): 160 points a target on average, by its share of all weights. */
export const coarseRing: Side = {
  name: "ring of 160 points × share",
  create({ targets }) {
    const all = targets.reduce((total, { weight }) => total + weight, 0);
    const ring = createHashRing(targets, 160, ({ place, weight }) =>
      ringPoints(place, Math.max(1, Math.floor((160 * targets.length * weight) / all))),
    );
    return {
      pick: (candidates, { header }) => ring.find(ringPosition(header("x-session") ?? ""), candidates),
    };
  },
};

/** The fewest in flight, the first of several; blind to weights. */
export const plainLeastInFlight: Side = {
  name: "fewest in flight, no weights",
  create() {
    const inFlight = new Map<Target, number>();
    const of = (target: Target) => inFlight.get(target) ?? 0;
    return {
      pick: (candidates) =>
        candidates.reduce<Target | undefined>(
          (best, target) => (best === undefined || of(target) < of(best) ? target : best),
          undefined,
        ),
      started: (target) => void inFlight.set(target, of(target) + 1),
      observe: (target) => void inFlight.set(target, of(target) - 1),
    };
  },
};

/** The heaviest that is up, and of several the first. */
export const firstOfHeaviest: Side = {
  name: "first of the heaviest",
  create: () => ({
    pick: (candidates) =>
      candidates.reduce<Target | undefined>(
        (best, target) => (best === undefined || target.weight > best.weight ? target : best),
        undefined,
      ),
  }),
};
