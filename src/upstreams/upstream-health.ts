/** How an upstream and its targets are, as the admin API and the metrics tell it. */

/** `healthchecks_off`: no check is on that could know, so that it is used. */
export type HealthState = "healthchecks_off" | "healthy" | "unhealthy";

export interface TargetState {
  /** `host:port`, as `formatAddress` writes it. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly weight: number;
  readonly health: HealthState;
}

export interface UpstreamState {
  /** Of the upstream in the config. */
  readonly id: string;
  readonly name: string;
  readonly health: HealthState;
  /** In the order of the config. Those of weight 0 are not in it. */
  readonly targets: readonly TargetState[];
}

/** What somebody says of a target by hand. */
export interface TargetMark {
  readonly upstreamId: string;
  /** `host:port`, as `formatAddress` writes it. */
  readonly target: string;
  readonly health: "healthy" | "unhealthy";
}

/** Of a target that is left out, or is not, whether or not a check is on. */
export function targetHealth(isOut: boolean, isChecked: boolean): HealthState {
  if (isOut) return "unhealthy";
  return isChecked ? "healthy" : "healthchecks_off";
}

/**
 * Of the upstream as a whole: unhealthy without any target in use, or with less than `threshold` percent of the weight in
 * use.
 */
export function upstreamHealth(
  targets: readonly Pick<TargetState, "health" | "weight">[],
  threshold: number,
  isChecked: boolean,
): HealthState {
  const weightOf = (some: typeof targets) => some.reduce((sum, { weight }) => sum + weight, 0);
  const usable = weightOf(targets.filter(({ health }) => health !== "unhealthy"));
  return targetHealth(usable === 0 || usable * 100 < weightOf(targets) * threshold, isChecked);
}

const fromBestToWorst: readonly HealthState[] = ["healthchecks_off", "healthy", "unhealthy"];

/** The same upstreams as several processes see them: each as it is where it is worst. */
export function worstOf(views: readonly (readonly UpstreamState[])[]): readonly UpstreamState[] {
  const merged = new Map<string, UpstreamState>();
  for (const state of views.flat()) {
    const known = merged.get(state.id);
    merged.set(state.id, known === undefined ? state : worseUpstream(known, state));
  }
  return [...merged.values()];
}

function worseUpstream(known: UpstreamState, other: UpstreamState): UpstreamState {
  const targets = known.targets.map((target) => {
    const same = other.targets.find(({ name }) => name === target.name);
    return same === undefined ? target : { ...target, health: worse(target.health, same.health) };
  });
  return { ...known, health: worse(known.health, other.health), targets };
}

function worse(a: HealthState, b: HealthState): HealthState {
  return fromBestToWorst.indexOf(b) > fromBestToWorst.indexOf(a) ? b : a;
}
