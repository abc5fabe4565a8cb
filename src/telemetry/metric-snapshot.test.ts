import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countersOf, mergeSnapshots, renderSnapshot } from "./metric-snapshot.ts";
import { createMetricRegistry, type MetricRegistry } from "./prometheus.ts";

/** A registry as a worker's, and what may happen in it. */
function createWorker(up = 1) {
  const registry = createMetricRegistry();
  const requests = registry.counter("requests_total", "Requests", ["route"]);
  const latency = registry.histogram("latency_ms", "Latency", ["route"], [1, 10, 100]);
  registry.reading("running", "Under way", "gauge", () => up);
  registry.readings("up", "Reached", "gauge", ["store"], () => [{ labels: ["a"], value: up }], "min");
  registry.readings("age", "Oldest", "gauge", [], () => [{ labels: [], value: up }], "max");
  return {
    registry,
    serve(route: string, ms: number) {
      requests.with(route).add(1);
      latency.with(route).observe(ms);
    },
  };
}

const merged = (...registries: MetricRegistry[]) =>
  renderSnapshot(mergeSnapshots(registries.map((registry) => registry.snapshot())));

describe("snapshots that are merged", () => {
  it("count as one process would have that served all requests, however they were shared out", () => {
    const request = fc.record({
      worker: fc.nat(2),
      route: fc.constantFrom("a", "b", 'c"\\\n'),
      ms: fc.integer({ min: 0, max: 1_000 }),
    });
    fc.assert(
      fc.property(fc.array(request), (requests) => {
        const alone = createWorker();
        const workers = [createWorker(), createWorker(), createWorker()];
        for (const { worker, route, ms } of requests) {
          alone.serve(route, ms);
          workers[worker]?.serve(route, ms);
        }
        const lines = (text: string) =>
          text
            .split("\n")
            .filter((line) => /^(?:requests_total|latency_ms)/.test(line))
            .sort();
        expect(lines(merged(...workers.map(({ registry }) => registry)))).toEqual(
          lines(alone.registry.render()),
        );
      }),
    );
  });

  it("of one process alone are what it renders itself", () => {
    const { registry, serve } = createWorker();
    serve("a", 5);
    expect(merged(registry)).toBe(registry.render());
  });

  it("add gauges up, unless the lowest or the highest says more", () => {
    const text = merged(createWorker(1).registry, createWorker(0).registry, createWorker(3).registry);
    expect(text).toContain("\nrunning 4\n");
    expect(text).toContain('\nup{store="a"} 0\n');
    expect(text).toContain("\nage 3\n");
  });

  it("change none of the parts", () => {
    const worker = createWorker();
    worker.serve("a", 5);
    const part = worker.registry.snapshot();
    mergeSnapshots([part, part]);
    expect(part).toEqual(worker.registry.snapshot());
  });

  it("survive the way between processes, with what is no finite number", () => {
    const registry = createMetricRegistry();
    registry.reading("odd", "Odd", "gauge", () => Number.POSITIVE_INFINITY);
    expect(renderSnapshot(structuredClone(registry.snapshot()))).toContain("\nodd +Inf\n");
  });

  it("of other buckets are not added to the wrong ones", () => {
    const one = createMetricRegistry();
    one.histogram("h", "H", [], [1, 2]).with().observe(1);
    const other = createMetricRegistry();
    other.histogram("h", "H", [], [5]).with().observe(1);
    expect(merged(one, other)).toBe(one.render());
    expect(mergeSnapshots([])).toEqual([]);
  });

  it("keep of a process that has gone what it counted, not how it was", () => {
    const { registry, serve } = createWorker();
    serve("a", 5);
    const names = countersOf(registry.snapshot()).map(({ name }) => name);
    expect(names).toEqual(["requests_total", "latency_ms"]);
  });
});
