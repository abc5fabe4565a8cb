/** What an exchange would have cost had it gone elsewhere: its own tokens at the prices of a plugin's other targets. */
import type { BaselineCost } from "../llm/ai-facts.ts";
import type { Usage } from "../llm/usage.ts";
import { picoCostOf } from "./cost.ts";
import type { Price } from "./price.ts";

/** A target as baselines see it. */
export interface PricedTarget {
  /** Position in the config file. */
  readonly index: number;
  /** `provider/model` */
  readonly name: string;
  /** Undefined: unknown, which is not free. */
  readonly price: Price | undefined;
}

/** Policies to compare with. Frozen. */
export interface Baselines {
  /** Always this target: the one that is named, or else the dearest; undefined where that cannot be told. */
  readonly strongest: PricedTarget | undefined;
  /** Always this target. */
  readonly cheapest: PricedTarget | undefined;
  /** Every single target, each model once. */
  readonly targets: readonly PricedTarget[];
}

/**
 * `named` is the target that stands for the best quality; without one it is the dearest, since price is all that is known
 * of quality here. With a price unknown nobody can say which of the targets are the dearest and the cheapest.
 */
export function compileBaselines(targets: readonly PricedTarget[], named?: PricedTarget): Baselines {
  const priced = targets.every(({ price }) => price !== undefined) ? byPrice(targets) : [];
  return Object.freeze({
    strongest: named ?? priced.at(-1),
    cheapest: priced[0],
    targets: targets.filter(({ name }, at) => targets.findIndex((other) => other.name === name) === at),
  });
}

/** What the tokens would have cost; the prices' steps and tiers are those of the usage. */
export function baselineCosts(baselines: Baselines, usage: Usage): readonly BaselineCost[] {
  const { strongest, cheapest, targets } = baselines;
  const costOf = (target: PricedTarget | undefined) =>
    target?.price === undefined ? undefined : picoCostOf(usage, target.price);
  return [
    { name: "strongest", costPicoUsd: costOf(strongest) },
    { name: "cheapest", costPicoUsd: costOf(cheapest) },
    ...targets.map((target) => ({ name: `target:${target.name}`, costPicoUsd: costOf(target) })),
  ];
}

/** Of a typical exchange, three tokens in for one out (as price comparisons weigh them), the cheapest first; ties by place. */
function byPrice(targets: readonly PricedTarget[]): readonly PricedTarget[] {
  const typical = { inputTokens: 3_000, outputTokens: 1_000 };
  const cost = ({ price }: PricedTarget) => (price === undefined ? 0 : picoCostOf(typical, price));
  return targets.toSorted((a, b) => cost(a) - cost(b) || b.index - a.index);
}
