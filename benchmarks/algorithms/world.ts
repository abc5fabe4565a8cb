/** What an algorithm is given in a simulation: targets, settings, a virtual clock, seeded chance. */
import type {
  BalanceRequest,
  Balancer,
  BalancerDefinition,
  BalancerSettings,
  Target,
  TargetMemory,
} from "../../src/balancer/balancer.ts";
import type { Random } from "../../src/simulator/text/random.ts";
import type { Logger } from "../../src/telemetry/logger.ts";

export interface World {
  readonly targets: readonly Target[];
  /** Milliseconds of virtual time. */
  readonly now: () => number;
  readonly random: Random;
  /** Of the process that it is made for. */
  readonly memory: TargetMemory;
}

/** One row of a table: an algorithm of ours, or a naive version of it. */
export interface Side {
  readonly name: string;
  create(world: World): Balancer;
}

/** The algorithm as the gateway runs it, with default settings but for those given. */
export function ours(
  definition: BalancerDefinition,
  settings: Partial<BalancerSettings> = {},
  name = `**${definition.name}**`,
): Side {
  return {
    name,
    create: ({ targets, ...world }) =>
      definition.create({ ...defaults, ...settings }, targets, { ...world, log }),
  };
}

/** A target that is its weight and nothing else; its id is made of both. */
export function targetOf(index: number, weight: number, facts: Partial<Target> = {}): Target {
  return {
    index,
    id: `target-${index}-${weight}`,
    place: `target-${index}`,
    name: `simulated/${index}`,
    weight,
    description: undefined,
    examples: [],
    inputCost: undefined,
    outputCost: undefined,
    ...facts,
  };
}

/** A request whose only feature is the value of the header that is hashed. */
export function requestWith(key: string | undefined): BalanceRequest {
  return { prompts: () => [], header: () => key, signal, decision: undefined };
}

const signal = new AbortController().signal;

const defaults: BalancerSettings = {
  hashOnHeader: "x-session",
  slots: 10_000,
  latencyStrategy: "e2e",
  tokensCountStrategy: "total-tokens",
  usageHalfLifeMs: 600_000,
  connectTimeoutMs: 60_000,
  readTimeoutMs: 60_000,
};

const nobody = () => undefined;
export const log: Logger = { debug: nobody, info: nobody, warn: nobody, error: nobody };
