/** What all workers say of themselves, as one. */
import type { Explained } from "../../admin/explain.ts";
import { serverStatus } from "../../admin/server-status.ts";
import type { TargetStatus } from "../../balancer/pool.ts";
import type { PluginHealth, PluginTarget, UpstreamTargetStatus } from "../../gateway.ts";
import type { Place } from "./crew.ts";
import type { WorkerFacts } from "./messages.ts";

export type Facts = ReadonlyMap<number, WorkerFacts | undefined>;

type State = PluginHealth["state"];

const fromBestToWorst: readonly State[] = ["up", "unknown", "down"];

/**
 * One row for each part: it is as well as with the worker where it is worst, and the reason is that worker's. Contacts are
 * added up.
 */
export function mergeComponents(facts: Facts): readonly PluginHealth[] {
  const merged = new Map<string, PluginHealth>();
  for (const part of [...facts.values()].flatMap((each) => each?.components ?? [])) {
    const key = JSON.stringify([part.pluginId, part.component, part.name]);
    const known = merged.get(key);
    merged.set(key, known === undefined ? part : worseOf(known, part));
  }
  return [...merged.values()];
}

function worseOf(a: PluginHealth, b: PluginHealth): PluginHealth {
  const worse = fromBestToWorst.indexOf(b.state) > fromBestToWorst.indexOf(a.state) ? b : a;
  return {
    ...worse,
    failures: a.failures + b.failures,
    writes: a.writes + b.writes,
    ...(a.dropped !== undefined && { dropped: a.dropped + (b.dropped ?? 0) }),
  };
}

const fromInUseToOut: readonly TargetStatus["breaker"][] = ["off", "closed", "half-open", "open"];

/**
 * One row for each target: counts are added up; the breaker is that of the worker where it is furthest from use, since
 * workers keep their own; scores differ between workers and are told in none.
 */
export function mergeTargets(facts: Facts): readonly PluginTarget[] {
  const rows = [...facts.values()].flatMap((each) => each?.targets ?? []);
  return mergeRows(rows, ({ index, pluginId }) => `${pluginId} ${index}`);
}

/** The same for the targets of upstreams. */
export function mergeUpstreamTargets(facts: Facts): readonly UpstreamTargetStatus[] {
  const rows = [...facts.values()].flatMap((each) => each?.upstreamTargets ?? []);
  return mergeRows(rows, ({ index, upstreamId }) => `${upstreamId} ${index}`);
}

function mergeRows<Row extends TargetStatus>(
  rows: readonly Row[],
  keyOf: (row: Row) => string,
): readonly Row[] {
  const merged = new Map<string, Row>();
  for (const row of rows) {
    const key = keyOf(row);
    const known = merged.get(key);
    merged.set(key, known === undefined ? { ...row, scores: {} } : sumOf(known, row));
  }
  return [...merged.values()];
}

function sumOf<Row extends TargetStatus>(a: Row, b: Row): Row {
  const isFurther = fromInUseToOut.indexOf(b.breaker) > fromInUseToOut.indexOf(a.breaker);
  return {
    ...a,
    breaker: isFurther ? b.breaker : a.breaker,
    failures: Math.max(a.failures, b.failures),
    retryInMs: Math.max(a.retryInMs, b.retryInMs),
    healthy: a.healthy === undefined ? b.healthy : a.healthy && b.healthy !== false,
    inFlight: a.inFlight + b.inFlight,
    attempts: a.attempts + b.attempts,
    failed: a.failed + b.failed,
  };
}

/** What one worker has explained, with the targets as all of them see them; with its own where none has told. */
export function explainedWith(facts: Facts, explained: Explained): Explained {
  const targets = mergeTargets(facts)
    .filter(({ pluginId }) => pluginId === explained.pluginId)
    .map(({ pluginId: _, ...status }) => status);
  return targets.length === 0 ? explained : { ...explained, targets };
}

/** What is not as it should be while requests are served all the same: parts that are down, workers that do not serve. */
export function degradedParts(places: readonly Place[], facts: Facts): readonly object[] {
  const workers = places.flatMap((place) => {
    const reason = faultOf(place, facts);
    return reason === undefined
      ? []
      : [{ component: "worker", name: `worker ${place.number}`, state: "down", reason }];
  });
  return [...workers, ...mergeComponents(facts).filter(({ state }) => state === "down")];
}

function faultOf(place: Place, facts: Facts): string | undefined {
  if (place.state === "starting")
    return place.lastDeath === undefined
      ? "it is starting"
      : `it died (${place.lastDeath}) and is being replaced`;
  if (facts.has(place.number) && facts.get(place.number) === undefined) return "it does not answer";
  if (place.state === "serving" && !place.isCurrent) return "it is about to take the current configuration";
  return undefined;
}

/** The numbers of `/status`: sums, and a row for each worker. What is the same in all is told once. */
export function describeWorkers(places: readonly Place[], facts: Facts): Readonly<Record<string, unknown>> {
  const told = [...facts.values()].filter((each) => each !== undefined);
  const sum = (of: (each: WorkerFacts) => number) => told.reduce((total, each) => total + of(each), 0);
  const running = sum((each) => each.running);
  const traffic = {
    accepted: sum((each) => each.traffic.accepted),
    open: sum((each) => each.traffic.open),
    requests: sum((each) => each.traffic.requests),
  };
  return {
    running,
    server: serverStatus(traffic, running),
    routes: told[0]?.routes ?? 0,
    plugins: told[0]?.plugins ?? [],
    components: mergeComponents(facts),
    targets: mergeTargets(facts),
    upstreamTargets: mergeUpstreamTargets(facts),
    memory: sum(({ memory }) => memory),
    workers: places.map(({ number, state, pid, isCurrent, deaths, lastDeath }) => {
      const own = facts.get(number);
      return {
        number,
        pid,
        state,
        current: isCurrent,
        ...(own !== undefined && { running: own.running, memory: own.memory }),
        deaths,
        ...(lastDeath !== undefined && { last_death: lastDeath }),
      };
    }),
  };
}
