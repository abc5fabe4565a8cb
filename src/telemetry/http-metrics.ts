/** Kong's metrics of every exchange. */
import type { AccessRecord } from "./access-record.ts";
import type { Counted } from "./counted.ts";
import { maxCombinations, none, other, within } from "./label-bounds.ts";
import type { Counter, Histogram, MetricRegistry } from "./prometheus.ts";

const workspace = "default";
const latencyLabels = ["service", "route", "workspace"];

/** Those of Kong's prometheus plugin. */
const kongBuckets = [1, 2, 5, 7, 10, 15, 20, 30, 50, 75, 100, 200, 500, 750, 1000, 3000, 6000];
const latencyBuckets = [25, 50, 80, 100, 250, 400, 700, 1000, 2000, 5000, 10000, 30000, 60000];

interface LatencySeries {
  readonly total: Histogram;
  readonly own: Histogram;
  readonly upstream: Histogram;
}

interface HttpSeries extends LatencySeries {
  readonly requests: Counter;
  readonly ingress: Counter;
  readonly egress: Counter;
}

/** Counts one exchange. */
export type CountHttp = (record: AccessRecord, route: string, consumer: string, counted: Counted) => void;

export function createHttpMetrics(registry: MetricRegistry): CountHttp {
  const seriesOf = createSeries(registry);
  return (record, route, consumer, counted) => {
    const { latencies, request, response, tries } = record;
    const series = seriesOf(record, route, consumer);
    if (counted.status) series.requests.add(1);
    if (counted.latency) {
      series.total.observe(latencies.request);
      series.own.observe(latencies.kong);
      if (tries.length > 0) series.upstream.observe(latencies.proxy);
    }
    if (counted.bandwidth) {
      series.ingress.add(request.size);
      series.egress.add(response.size);
    }
  };
}

function createSeries(registry: MetricRegistry) {
  const requests = registry.counter("kong_http_requests_total", "Requests by status", [
    "service",
    "route",
    "code",
    "source",
    "workspace",
    "consumer",
  ]);
  const total = registry.histogram(
    "kong_request_latency_ms",
    "Milliseconds from the first byte in to the last byte out",
    latencyLabels,
    latencyBuckets,
  );
  const own = registry.histogram(
    "kong_kong_latency_ms",
    "Milliseconds added by the gateway",
    latencyLabels,
    kongBuckets,
  );
  const upstream = registry.histogram(
    "kong_upstream_latency_ms",
    "Milliseconds to the upstream's head",
    latencyLabels,
    latencyBuckets,
  );
  const bandwidth = registry.counter("kong_bandwidth_bytes", "Body bytes in (ingress) and out (egress)", [
    "service",
    "route",
    "direction",
    "workspace",
    "consumer",
  ]);
  const known = new Map<string, Map<string, Map<string, Map<string, Map<number, HttpSeries>>>>>();
  let count = 0;

  return function seriesOf(record: AccessRecord, route: string, consumer: string): HttpSeries {
    const { status } = record.response;
    const source = record.source === "kong" ? "kong" : "service";
    const service = record.service?.name ?? none;
    const byStatus = within(within(within(within(known, service), route), consumer), source);
    let series = byStatus.get(status);
    if (series !== undefined) return series;
    if (count >= maxCombinations && consumer !== none && consumer !== other)
      return seriesOf(record, route, other);
    series = {
      requests: requests.with(service, route, String(status), source, workspace, consumer),
      total: total.with(service, route, workspace),
      own: own.with(service, route, workspace),
      upstream: upstream.with(service, route, workspace),
      ingress: bandwidth.with(service, route, "ingress", workspace, consumer),
      egress: bandwidth.with(service, route, "egress", workspace, consumer),
    };
    byStatus.set(status, series);
    count++;
    return series;
  };
}
