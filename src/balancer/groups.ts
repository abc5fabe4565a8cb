/** Targets with one description are a group; CATCHALL is the group for what none of the others fits. */
import type { Target } from "./balancer.ts";

/** The literal description that marks the catch-all (Kong's). */
export const catchallDescription = "CATCHALL";

export interface Group {
  readonly description: string;
  /** In file order. */
  readonly targets: readonly Target[];
  /** Of all members, without repeats. */
  readonly examples: readonly string[];
}

export interface Groups {
  /** In file order of their first member. */
  readonly described: readonly Group[];
  readonly catchall: Group | undefined;
}

/** Descriptions are compared after trimming; a target without one belongs to no group. */
export function groupTargets(targets: readonly Target[]): Groups {
  const members = new Map<string, Target[]>();
  for (const target of targets) {
    const description = target.description?.trim();
    if (description === undefined || description === "") continue;
    const group = members.get(description);
    if (group === undefined) members.set(description, [target]);
    else group.push(target);
  }
  const groups = [...members].map(([description, list]) => ({
    description,
    targets: list,
    examples: [...new Set(list.flatMap((target) => target.examples))],
  }));
  return {
    described: groups.filter((group) => group.description !== catchallDescription),
    catchall: groups.find((group) => group.description === catchallDescription),
  };
}
