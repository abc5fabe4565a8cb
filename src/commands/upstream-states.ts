/** How the upstreams of a gateway are, for those who ask from outside: the admin API and Prometheus. */
import type { RunningUpstreams } from "../admin/upstream-health.ts";
import type { MarkHere } from "../control/shared-marks.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { MetricRegistry } from "../telemetry/prometheus.ts";
import { type TargetMark, worstOf } from "../upstreams/upstream-health.ts";
import type { UpstreamFacts } from "./workers/messages.ts";

/** `facts`: one for each process that serves and answers. Of several the one counts where a target is worst. */
export function runningUpstreams(
  facts: () => readonly UpstreamFacts[] | Promise<readonly UpstreamFacts[]>,
  { mark }: Pick<RunningUpstreams, "mark">,
): RunningUpstreams {
  return {
    async states() {
      const told = await facts();
      if (told.length === 0) throw new Error("nothing that serves has answered");
      return worstOf(told.map((each) => each.states));
    },
    mark,
  };
}

/** With a line in the log that says who has marked what. */
export function loggedMark(mark: (mark: TargetMark) => boolean | Promise<boolean>, log: Logger): MarkHere {
  return async (wanted, by) => {
    const isRunning = await mark(wanted);
    const { health, target, upstreamId } = wanted;
    if (isRunning) log.info(`a target was marked ${health} by hand`, { upstream: upstreamId, target, ...by });
    return isRunning;
  };
}

/** Kong's; nobody here knows of `dns_error`, since names are looked up for each connection. */
const states = ["healthchecks_off", "healthy", "unhealthy", "dns_error"] as const;

/**
 * Has the metrics tell how each target is with the process where it is worst, of those that are to tell it. By the process
 * in front alone: added up from several, two states of one target would be 1.
 */
export function countUpstreams(
  registry: Pick<MetricRegistry, "readings">,
  facts: () => readonly UpstreamFacts[],
): void {
  registry.readings(
    "kong_upstream_target_health",
    "1 for the state that a target of an upstream is in, 0 for the others",
    "gauge",
    ["upstream", "target", "address", "state", "subsystem"],
    () =>
      worstOf(facts().map(({ isShown, states: told }) => (isShown ? told : []))).flatMap(
        ({ name: upstream, targets }) =>
          targets.flatMap(({ health, name }) =>
            states.map((state) => ({
              labels: [upstream, name, name, state, "http"],
              value: state === health ? 1 : 0,
            })),
          ),
      ),
    "max",
  );
}
