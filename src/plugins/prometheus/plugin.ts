import type { Counted } from "../../telemetry/counted.ts";
import { definePlugin, type Plugin } from "../plugin.ts";
import { checkPrometheus, type PrometheusConfig, prometheusConfig } from "./config.ts";

/** Says what is counted of its requests. The counting itself is the gateway's, as without this plugin. */
export const prometheus = definePlugin({
  name: "prometheus",
  summary:
    "Chooses which of Kong's metrics `/metrics` has. Where a config has no plugin of this name, it has all of them.",
  config: prometheusConfig,
  check: checkPrometheus,
  create: (config) => new Prometheus(config),
});

class Prometheus implements Plugin {
  readonly counts: Counted;

  constructor(config: PrometheusConfig) {
    this.counts = {
      status: config.status_code_metrics,
      latency: config.latency_metrics,
      bandwidth: config.bandwidth_metrics,
      ai: config.ai_metrics,
      upstreams: config.upstream_health_metrics,
      perConsumer: config.per_consumer,
    };
  }

  describe(): readonly string[] {
    const { ai, bandwidth, latency, perConsumer, status, upstreams } = this.counts;
    const kinds = [
      ...(status ? ["status codes"] : []),
      ...(latency ? ["latencies"] : []),
      ...(bandwidth ? ["bytes"] : []),
      ...(ai ? ["models"] : []),
      ...(upstreams ? ["targets of upstreams"] : []),
    ];
    if (kinds.length === 0) return ["counts nothing under Kong's names"];
    return [`counts ${kinds.join(", ")}${perConsumer ? ", by consumer" : ""}`];
  }
}
