/** Which targets a client's `model` leaves to choose from. */
import { GatewayError } from "../errors.ts";

interface NamedTarget {
  readonly alias: string | undefined;
  /** Undefined: this target takes whatever model the client names. */
  readonly modelName: string | undefined;
}

/** A client that sends this, or no model at all, leaves the choice to the gateway. */
export const automatic = "auto";

/**
 * The candidates for a client's `model`: all of them when the client leaves the choice to us, else those whose
 * alias or name it is, else those that have no name of their own. `resolveName` fills in a templated name.
 * Throws `own_model`, which lists what is allowed.
 */
export function candidatesFor<T extends NamedTarget>(
  targets: readonly T[],
  model: unknown,
  resolveName: (target: T) => string | undefined,
): readonly T[] {
  if (model === undefined || model === null || model === "") return targets;
  const byAlias = targets.filter((target) => target.alias !== undefined && target.alias === model);
  if (byAlias.length > 0) return byAlias;
  if (model === automatic) return targets;
  const byName = targets.filter((target) => resolveName(target) === model);
  if (byName.length > 0) return byName;
  const nameless = typeof model === "string" ? targets.filter((target) => target.modelName === undefined) : [];
  if (nameless.length > 0) return nameless;
  throw new GatewayError("own_model", { allowed: allowedModels(targets, resolveName) });
}

function allowedModels<T extends NamedTarget>(targets: readonly T[], resolveName: (target: T) => string | undefined): string {
  const names = new Set<string>();
  for (const target of targets) {
    const name = resolveName(target);
    if (target.alias !== undefined) names.add(target.alias);
    if (name !== undefined) names.add(name);
  }
  return [...names].join(", ");
}
