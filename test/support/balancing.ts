/** Targets and requests for tests of algorithms. */
import type {
  BalanceRequest,
  BalancerServices,
  BalancerSettings,
  Target,
  TargetMemory,
  TrialRequest,
} from "../../src/balancer/balancer.ts";
import { createRecordingLogger } from "./recording-logger.ts";

/** A target that has what is given and is otherwise unremarkable. */
export function createTarget(index: number, facts: Partial<Target> = {}): Target {
  return Object.freeze({
    index,
    id: `id-${index}`,
    place: `place-${index}`,
    name: `fake/m${index}`,
    weight: 1,
    description: undefined,
    examples: [],
    inputCost: undefined,
    outputCost: undefined,
    ...facts,
  });
}

/** As many targets as there are entries. */
export function createTargets(facts: readonly Partial<Target>[]): readonly Target[] {
  return facts.map((each, index) => createTarget(index, each));
}

/** A request with these user messages, the most recent first. */
export function createBalanceRequest(
  prompts: readonly string[] = [],
  options: { readonly headers?: Readonly<Record<string, string>>; readonly signal?: AbortSignal } = {},
): BalanceRequest {
  return {
    prompts: () => prompts,
    header: (name) => options.headers?.[name],
    signal: options.signal ?? new AbortController().signal,
    decision: undefined,
  };
}

/** The same of somebody who only asks. */
export function createTrialRequest(...args: Parameters<typeof createBalanceRequest>): TrialRequest {
  return { ...createBalanceRequest(...args), isTrial: true };
}

/** What a config without any balancer settings means. */
export const defaultSettings: BalancerSettings = {
  hashOnHeader: "x-kong-llm-request-id",
  slots: 10_000,
  latencyStrategy: "tpot",
  tokensCountStrategy: "total-tokens",
  usageHalfLifeMs: 600_000,
  connectTimeoutMs: 60_000,
  readTimeoutMs: 60_000,
};

/** Nobody else serves the config. */
export const shareNothing: TargetMemory["share"] = () => ({
  changed: () => undefined,
  changedNow: () => undefined,
});

/** What is remembered of targets by their content, as between reloads; pass the same one to two balancers. */
export function createFakeMemory(): TargetMemory {
  const states = new Map<string, object>();
  return {
    of<State extends object>(target: Target, create: () => State): State {
      const known = states.get(target.id) ?? create();
      states.set(target.id, known);
      return known as State; // one algorithm asks, always for the same
    },
    share: shareNothing,
  };
}

/** Services of a balancer that needs nothing special: a clock that stands still, no chance. */
export function createBalancerServices(services: Partial<BalancerServices> = {}): BalancerServices {
  return {
    now: () => 0,
    random: () => 0,
    log: createRecordingLogger(),
    memory: createFakeMemory(),
    ...services,
  };
}
