import { describe, expect, it } from "vitest";
import { renderSnapshot } from "../../telemetry/metric-snapshot.ts";
import { createMetricRegistry } from "../../telemetry/prometheus.ts";
import { createMetricsView } from "./metrics-view.ts";

function snapshotOf(requests: number, running = 0) {
  const registry = createMetricRegistry();
  registry.counter("requests_total", "Requests", []).with().add(requests);
  registry.reading("running", "Under way", "gauge", () => running);
  return registry.snapshot();
}

describe("the metrics of all workers", () => {
  it("are the sum of what each told last, and never fall when one dies", () => {
    const view = createMetricsView();
    const read = () => renderSnapshot(view.merged([])).match(/^(?:requests_total|running) .*$/gm);
    view.update(1, snapshotOf(3, 1));
    view.update(2, snapshotOf(4, 2));
    view.update(1, snapshotOf(5, 1));
    expect(read()).toEqual(["requests_total 9", "running 3"]);
    view.retire(1);
    expect(read()).toEqual(["requests_total 9", "running 2"]);
    view.update(1, snapshotOf(1, 1));
    view.retire(1);
    view.retire(1);
    expect(read()).toEqual(["requests_total 10", "running 2"]);
  });

  it("show the primary's own first, and with no worker alone", () => {
    const text = renderSnapshot(createMetricsView().merged(snapshotOf(1)));
    expect(text).toContain("requests_total 1\n");
  });
});
