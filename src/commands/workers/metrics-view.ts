/** One view of what all workers have counted, those that have died included. */
import { countersOf, type MetricSnapshot, mergeSnapshots } from "../../telemetry/metric-snapshot.ts";

export interface MetricsView {
  /** What the worker of this number has counted so far. */
  update(number: number, metrics: MetricSnapshot): void;
  /** It has ended: its counts stay, so that no counter ever falls, and its gauges go. */
  retire(number: number): void;
  /** The sum over all, with `own` before it. */
  merged(own: MetricSnapshot): MetricSnapshot;
}

export function createMetricsView(): MetricsView {
  const latest = new Map<number, MetricSnapshot>();
  let retired: MetricSnapshot = [];
  return {
    update: (number, metrics) => void latest.set(number, metrics),
    retire(number) {
      retired = mergeSnapshots([retired, countersOf(latest.get(number) ?? [])]);
      latest.delete(number);
    },
    merged: (own) => mergeSnapshots([own, ...latest.values(), retired]),
  };
}
