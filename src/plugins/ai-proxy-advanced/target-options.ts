/** One entry of `targets`: a vendor, a model, a credential, and when to choose it. */
import { z } from "zod";
import { authOptions } from "../../providers/auth-options.ts";
import { modelOptions } from "../../providers/model-options.ts";
import { providerNames } from "../../providers/names.ts";
import { sluiceAddition } from "../../util/field-notes.ts";

/** The values `route_type` may take. */
export const routeTypes = [
  "audio/v1/audio/speech",
  "audio/v1/audio/transcriptions",
  "audio/v1/audio/translations",
  "image/v1/images/edits",
  "image/v1/images/generations",
  "llm/v1/assistants",
  "llm/v1/batches",
  "llm/v1/chat",
  "llm/v1/completions",
  "llm/v1/embeddings",
  "llm/v1/files",
  "llm/v1/responses",
  "preserve",
  "realtime/v1/realtime",
  "video/v1/videos/generations",
] as const;

export type RouteType = (typeof routeTypes)[number];

/** The literal description of the target that takes what nothing else matches. */
export const catchAll = "CATCHALL";

export const optionsMode = z.enum(["default", "enforce"]);

export const loggingOptions = z
  .strictObject({
    log_statistics: z
      .boolean()
      .default(false)
      .describe("Put tokens, cost and latency into the log entry and the metrics."),
    log_payloads: z
      .boolean()
      .default(false)
      .describe("Put the bodies of request and answer into the log entry."),
  })
  .describe("What is logged.");

export const targetModel = z
  .strictObject({
    provider: z.enum(providerNames).describe("Vendor, or the API it speaks."),
    name: z
      .string()
      .describe(
        "The vendor's name of the model. May hold `$(headers.x)`, `$(query_params.x)`, `$(uri_captures.x)`. Left out, the client names it.",
      )
      .optional(),
    model_alias: z
      .string()
      .describe("Name by which clients ask for this target; several targets may share one.")
      .optional(),
    options: modelOptions.prefault({}),
  })
  .describe("The model.");

/** Asked at intervals, so that no request has to find out that a target is down. */
const healthCheckOptions = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/ })
      .describe(
        "Address asked with GET, without credentials, e.g. the list of models of the target's server.",
      ),
    interval: z
      .int()
      .min(100)
      .max(86_400_000)
      .default(10_000)
      .describe("Pause between two checks, in milliseconds; varied by 10 %."),
    timeout: z.int().min(1).max(60_000).default(2_000).describe("Bound on one check, in milliseconds."),
    unhealthy_after: z
      .int()
      .min(1)
      .max(255)
      .default(3)
      .describe("Failed checks in a row after which the target is left out."),
    healthy_after: z
      .int()
      .min(1)
      .max(255)
      .default(2)
      .describe("Good checks in a row after which it is used again."),
    expected_statuses: z
      .array(z.int().min(200).max(599))
      .min(1)
      .describe(
        "Statuses that are good. Left out, all below 500 are, since a 401 too comes from a server that is up.",
      )
      .optional(),
  })
  .describe("Active health check of the target; left out, none is made.")
  .meta(sluiceAddition);

export const targetOptions = z.strictObject({
  route_type: z.enum(routeTypes).describe("The operation this target offers."),
  model: targetModel,
  auth: authOptions.prefault({}),
  weight: z.int().min(1).max(65535).default(100).describe("Share of the requests; for `priority` the rank."),
  description: z
    .string()
    .describe(
      "What prompts this target is for, in a short phrase; targets with the same description form a group. " +
        "`CATCHALL` takes what nothing else matches. Required for the semantic algorithm.",
    )
    .optional(),
  examples: z
    .array(z.string().min(1))
    .max(1000)
    .describe("Prompts that belong to this target; they sharpen its description.")
    .meta(sluiceAddition)
    .optional(),
  options_mode: optionsMode
    .describe("As `config.options_mode`, for this target.")
    .meta(sluiceAddition)
    .optional(),
  health_check: healthCheckOptions.optional(),
  logging: loggingOptions.prefault({}),
  metadata: z.record(z.string(), z.unknown()).describe("Kept, without effect.").optional(),
});

export type TargetOptions = z.output<typeof targetOptions>;
