/** The config of `prometheus`: Kong's fields. */
import { z } from "zod";
import { planned } from "../../util/field-notes.ts";
import type { Finding } from "../plugin.ts";

export const prometheusConfig = z.strictObject({
  status_code_metrics: z
    .boolean()
    .default(false)
    .describe("Count requests by status: `kong_http_requests_total`."),
  latency_metrics: z
    .boolean()
    .default(false)
    .describe(
      "Measure how long requests take: `kong_request_latency_ms`, `kong_kong_latency_ms`, `kong_upstream_latency_ms`.",
    ),
  bandwidth_metrics: z.boolean().default(false).describe("Add up bytes: `kong_bandwidth_bytes`."),
  ai_metrics: z
    .boolean()
    .default(false)
    .describe("Count requests, tokens, cost and latency of models: the metrics that begin with `kong_ai_`."),
  per_consumer: z
    .boolean()
    .default(false)
    .describe("Say in the label `consumer` who called; else it is empty in all of Kong's metrics."),
  upstream_health_metrics: z
    .boolean()
    .default(false)
    .describe(
      "Tell the health of the targets of upstreams: `kong_upstream_target_health`. Targets of models are not among them: `sluice_target_breaker` and its like tell theirs, always.",
    ),
  wasm_metrics: z.boolean().describe("Export what WebAssembly filters count.").meta(planned).optional(),
});

/** The config after validation, defaults filled in. */
export type PrometheusConfig = z.output<typeof prometheusConfig>;

/** What the schema alone cannot say. */
export function checkPrometheus(config: PrometheusConfig): readonly Finding[] {
  const { ai_metrics, bandwidth_metrics, latency_metrics, status_code_metrics } = config;
  const isAnyOn = ai_metrics || bandwidth_metrics || latency_metrics || status_code_metrics;
  if (isAnyOn || config.upstream_health_metrics) return [];
  const message =
    "counts nothing under Kong's names, since all of its metrics are off; without any plugin of this name all are on";
  return [{ severity: "warning", path: [], message }];
}
