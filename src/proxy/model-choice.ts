/** Which targets a client's `model` leaves to choose from. */
import { GatewayError } from "../errors.ts";
import { automatic } from "../llm/automatic-model.ts";

interface NamedTarget {
  readonly alias: string | undefined;
  /** Undefined: this target takes whatever model the client names. */
  readonly modelName: string | undefined;
}

/**
 * The candidates for a client's `model`: when the client leaves the choice to us, all that have a name (a target
 * without one has nothing to ask its vendor for, unless there are no others); else those whose alias or name it is,
 * else those that have no name of their own. `resolveName` fills in a templated name. Throws `own_model`, which lists
 * what is allowed.
 */
export function candidatesFor<T extends NamedTarget>(
  targets: readonly T[],
  model: unknown,
  resolveName: (target: T) => string | undefined,
): readonly T[] {
  if (model === undefined || model === null || model === "") return withName(targets);
  const byAlias = targets.filter((target) => target.alias !== undefined && target.alias === model);
  if (byAlias.length > 0) return byAlias;
  if (model === automatic) return withName(targets);
  const byName = targets.filter((target) => resolveName(target) === model);
  if (byName.length > 0) return byName;
  const nameless =
    typeof model === "string" ? targets.filter((target) => target.modelName === undefined) : [];
  if (nameless.length > 0) return nameless;
  throw new GatewayError("own_model", { allowed: allowedModels(targets, resolveName) });
}

function withName<T extends NamedTarget>(targets: readonly T[]): readonly T[] {
  const named = targets.filter((target) => target.modelName !== undefined);
  return named.length === 0 || named.length === targets.length ? targets : named;
}

function allowedModels<T extends NamedTarget>(
  targets: readonly T[],
  resolveName: (target: T) => string | undefined,
): string {
  const names = new Set<string>();
  for (const target of targets) {
    const name = resolveName(target);
    if (target.alias !== undefined) names.add(target.alias);
    if (name !== undefined) names.add(name);
  }
  return [...names].join(", ");
}
