/** Targets and requests for tests of algorithms. */
import type { BalanceRequest, Target } from "../../src/balancer/balancer.ts";

/** A target that has what is given and is otherwise unremarkable. */
export function createTarget(index: number, facts: Partial<Target> = {}): Target {
  return Object.freeze({
    index,
    id: `id-${index}`,
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
