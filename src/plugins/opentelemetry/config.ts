/** The config of `opentelemetry`: Kong's fields. */
import { z } from "zod";
import { deprecated, planned, secret } from "../../util/field-notes.ts";

const milliseconds = z.int().min(0).max(2_147_483_646);
const formats = ["aws", "b3", "b3-single", "datadog", "gcp", "instana", "jaeger", "ot", "w3c"] as const;
const readable = ["aws", "b3", "datadog", "gcp", "instana", "jaeger", "ot", "w3c"] as const;

const propagation = z
  .strictObject({
    extract: z
      .array(z.enum(readable))
      .describe(
        "Formats in which the client's trace is looked for; the first one found counts. Without any, each request begins a trace.",
      )
      .optional(),
    inject: z
      .array(z.enum([...formats, "preserve"]))
      .describe(
        "Formats in which services and vendors are told of the trace; `preserve` is the one the client spoke. Without any, they are told nothing.",
      )
      .optional(),
    clear: z
      .array(z.string())
      .describe("Headers of the client that do not reach the service, once the trace has been read.")
      .optional(),
    default_format: z
      .enum(formats)
      .default("w3c")
      .describe("What `preserve` means for a client that told of no trace."),
  })
  .describe("Which headers tell of the trace: read are `w3c` and `b3`, written also `b3-single`.")
  .prefault({ default_format: "w3c" });

const queue = z
  .strictObject({
    max_batch_size: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(200)
      .describe("Spans sent at once; as soon as so many wait, they are sent."),
    max_coalescing_delay: z
      .number()
      .min(0)
      .max(3600)
      .default(1)
      .describe("Seconds that a span waits at most for others before it is sent."),
    max_entries: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(10_000)
      .describe("Spans that may wait; those of further requests are given up and counted."),
    max_bytes: z
      .int()
      .describe("Bytes that may wait. Here `max_entries` is the bound.")
      .meta(planned)
      .optional(),
    max_retry_time: z
      .number()
      .default(60)
      .describe("Seconds for which a batch is sent again when the collector does not take it."),
    initial_retry_delay: z
      .number()
      .min(0.001)
      .max(1_000_000)
      .default(0.01)
      .describe("Seconds before the second try; doubled from try to try."),
    max_retry_delay: z
      .number()
      .min(0.001)
      .max(1_000_000)
      .default(60)
      .describe("Seconds between two tries at most."),
    concurrency_limit: z
      .int()
      .refine((limit) => limit === 1 || limit === -1, "must be 1, or -1 for no limit")
      .default(1)
      .describe("Batches under way at once. Always one here.")
      .meta({ ...planned, enum: [-1, 1] }),
  })
  .describe("How spans wait and are sent.")
  .prefault({ max_batch_size: 200 });

const toggle = z.boolean().default(false);

const metrics = z
  .strictObject({
    endpoint: z.string().describe("Where metrics are sent.").optional(),
    push_interval: z.number().default(60).describe("Seconds between two sendings."),
    enable_ai_metrics: toggle.describe("Send those of models."),
    enable_bandwidth_metrics: toggle.describe("Send sizes of requests and answers."),
    enable_consumer_attribute: toggle.describe("Say who called."),
    enable_latency_metrics: toggle.describe("Send latencies."),
    enable_request_metrics: toggle.describe("Send counts of requests."),
    enable_upstream_health_metrics: toggle.describe("Send how targets are doing."),
  })
  .describe("Metrics by OTLP. This version has them for Prometheus alone.")
  .meta(planned)
  .optional();

const accessLogs = z
  .strictObject({
    endpoint: z.string().describe("Where access records are sent.").optional(),
    custom_attributes_by_lua: z
      .record(z.string(), z.string().min(1))
      .describe("Fields made by Lua code.")
      .optional(),
  })
  .describe("Access records by OTLP. This version writes them to its output.")
  .meta(planned)
  .optional();

export const opentelemetryConfig = z.strictObject({
  traces_endpoint: z
    .url({ protocol: /^https?$/ })
    .describe(
      "Where spans are sent: the full address of an OTLP/HTTP receiver, e.g. `http://localhost:4318/v1/traces`. Without it nothing is traced.",
    )
    .optional(),
  headers: z
    .record(z.string(), z.string().meta(secret))
    .describe("Headers of the requests to the collector, e.g. with its token.")
    .meta(secret)
    .optional(),
  resource_attributes: z
    .record(z.string(), z.string())
    .describe(
      "What the spans are said to come from. Adds to and replaces `service.name` (`kong`), `service.version` and `service.instance.id`. Values with `$(…)` are left out: nothing here evaluates them.",
    )
    .optional(),
  sampling_rate: z
    .number()
    .min(0)
    .max(1)
    .describe("Share of traces that are kept. Unset: 0.01, which is what Kong's own setting has.")
    .optional(),
  sampling_strategy: z
    .enum(["parent_drop_probability_fallback", "parent_probability_fallback"])
    .default("parent_drop_probability_fallback")
    .describe(
      "`parent_drop_probability_fallback`: what the caller does not keep is not kept here, of the rest `sampling_rate`. `parent_probability_fallback`: as the caller says; where it says nothing, `sampling_rate`.",
    ),
  header_type: z
    .enum([...formats, "ignore", "preserve"])
    .default("preserve")
    .describe(
      "The short way to say `propagation`, and without effect where that says more than `default_format`: the format in which services and vendors are told beside the client's own; `ignore` takes nothing from the client.",
    ),
  propagation,
  http_response_header_for_traceid: z
    .string()
    .describe("Header in which clients are told the trace's id.")
    .optional(),
  queue,
  batch_span_count: z
    .int()
    .describe("Set `queue.max_batch_size` instead, which it replaces.")
    .meta(deprecated)
    .optional(),
  batch_flush_delay: z
    .int()
    .describe("Set `queue.max_coalescing_delay` instead, which it replaces; seconds.")
    .meta(deprecated)
    .optional(),
  connect_timeout: milliseconds
    .default(1000)
    .describe("Milliseconds in which the collector must be connected."),
  send_timeout: milliseconds
    .default(5000)
    .describe("Milliseconds the collector may let a piece of a batch wait."),
  read_timeout: milliseconds.default(5000).describe("Milliseconds it may be silent before it has answered."),
  logs_endpoint: z.string().describe("Where the program's own log is sent.").meta(planned).optional(),
  metrics,
  access_logs: accessLogs,
});

/** The config after validation, defaults filled in. */
export type OpentelemetryConfig = z.output<typeof opentelemetryConfig>;
