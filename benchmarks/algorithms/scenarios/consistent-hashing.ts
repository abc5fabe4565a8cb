/** How many keys move when targets go, come and change, and how evenly they are spread. */
import { consistentHashing } from "../../../src/balancer/algorithms/consistent-hashing.ts";
import type { Target } from "../../../src/balancer/balancer.ts";
import { seededRandom } from "../../../src/simulator/text/random.ts";
import { coarseRing, moduloHashing } from "../naive.ts";
import { createProcesses } from "../processes.ts";
import { percent, type Scenario, type ScenarioTable, shareError } from "../scenario.ts";
import { ours, requestWith, type Side, targetOf } from "../world.ts";

const keyCount = 100_000;
const lists = [
  [1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
  [70, 25, 5],
];

export const consistentHashingScenario: Scenario = {
  name: "consistent-hashing",
  about:
    `${keyCount.toLocaleString("en")} keys. *Lost*: keys that move when the second target is out, and *of others*: those among them that were not its own; *added*: ` +
    "keys that move when a target of the second one's weight is added to the config; each with the least that is possible. *Reordered*: keys that move when the config " +
    "lists the same targets the other way round. The *ring of 160 points × share* is the usual one: 160 × targets × share of the weights each.",
  run(seed): ScenarioTable {
    const sides = [ours(consistentHashing), coarseRing, moduloHashing];
    return {
      heads: [
        "side",
        "weights",
        "share error",
        "lost: moved",
        "least",
        "of others",
        "added: moved",
        "least",
        "reordered: moved",
      ],
      rows: lists.flatMap((weights) => sides.map((side) => rowOf(side, weights, seed))),
    };
  },
};

function rowOf(side: Side, weights: readonly number[], seed: number): readonly string[] {
  const targets = weights.map((weight, index) => targetOf(index, weight));
  const [lost] = targets.slice(1);
  const extra = targetOf(weights.length, lost?.weight ?? 1);
  const more = [...targets, extra];
  const turned = targets.toReversed().map((target, index) => ({ ...target, index }));
  const before = placesOf(side, targets, targets, seed);
  const without = placesOf(
    side,
    targets,
    targets.filter((target) => target !== lost),
    seed,
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return [
    side.name,
    weights.every((weight) => weight === 1) ? `${weights.length} × 1` : weights.join(", "),
    percent(
      shareError(
        targets.map((target) => before.filter((place) => place === target.place).length),
        weights,
      ),
    ),
    percent(moved(before, without)),
    percent(before.filter((place) => place === lost?.place).length / keyCount),
    percent(moved(before, without, (place) => place !== lost?.place)),
    percent(moved(before, placesOf(side, more, more, seed))),
    percent(extra.weight / (total + extra.weight)),
    percent(moved(before, placesOf(side, turned, turned, seed))),
  ];
}

/** The place of each key's target, by a gateway that has just started with these targets. */
function placesOf(
  side: Side,
  targets: readonly Target[],
  candidates: readonly Target[],
  seed: number,
): readonly (string | undefined)[] {
  const [process] = createProcesses(1, targets).processes;
  if (process === undefined) throw new Error("there is no process");
  const random = seededRandom(seed + targets.length);
  const balancer = side.create({ targets, now: () => 0, random, memory: process.memory });
  return Array.from(
    { length: keyCount },
    (_, key) => balancer.pick(candidates, requestWith(`session-${seed}-${key}`))?.place,
  );
}

function moved(
  before: readonly (string | undefined)[],
  after: readonly (string | undefined)[],
  counts: (place: string | undefined) => boolean = () => true,
): number {
  return before.filter((place, key) => counts(place) && place !== after[key]).length / before.length;
}
