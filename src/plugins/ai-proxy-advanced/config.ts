/** The config of `ai-proxy-advanced`: every field of the published schema, and what we add to it. */
import { z } from "zod";
import { balancerOptions } from "../../balancer/options.ts";
import { defaultEmbeddings, type EmbeddingsOptions, embeddingsOptions } from "../../embedders/options.ts";
import { canonicalFormat, llmFormats } from "../../providers/llm-formats.ts";
import { stateOptions } from "../../shared-state/options.ts";
import { sluiceAddition } from "../../util/field-notes.ts";
import { defaultVectordb, type VectordbOptions, vectordbOptions } from "../../vector-stores/options.ts";
import { aclOptions } from "./acl-options.ts";
import { savingsOptions } from "./savings-options.ts";
import { optionsMode, targetOptions } from "./target-options.ts";

/** The values `genai_category` may take. */
export const categories = [
  "audio/speech",
  "audio/transcription",
  "image/generation",
  "realtime/generation",
  "text/embeddings",
  "text/generation",
  "video/generation",
] as const;

export const aiProxyAdvancedConfig = z.strictObject({
  targets: z
    .array(targetOptions)
    .refine((targets) => targets.length > 0, "must list at least one target")
    .describe("The models to choose from."),
  balancer: balancerOptions.prefault({}),
  embeddings: embeddingsOptions.optional(),
  vectordb: vectordbOptions.optional(),
  acls: aclOptions.optional(),
  savings: savingsOptions.prefault({}).meta(sluiceAddition),
  state: stateOptions.prefault({}).meta(sluiceAddition),
  genai_category: z
    .enum(categories)
    .default("text/generation")
    .describe("Kind of traffic; must suit the targets' `route_type`."),
  llm_format: z.enum(llmFormats).default(canonicalFormat).describe("Wire format that clients speak."),
  max_request_body_size: z
    .int()
    .default(1048576)
    .refine((bytes) => bytes >= 0, "must not be negative")
    .describe("Largest request body in bytes; 0 sets no limit."),
  model_name_header: z
    .boolean()
    .default(true)
    .describe("Answer with `X-Kong-LLM-Model`, the provider and model that answered."),
  response_streaming: z
    .enum(["allow", "always", "deny"])
    .default("allow")
    .describe(
      "`allow` streams when the client asks for it, `always` streams every answer, `deny` refuses to.",
    ),
  options_mode: optionsMode
    .default("default")
    .describe(
      "`default`: a client's temperature, top_p and top_k win and its max_tokens can only lower the target's. " +
        "`enforce`: what the target sets wins.",
    )
    .meta(sluiceAddition),
  on_error: z
    .enum(["fallback", "fail"])
    .default("fallback")
    .describe(
      "When a prompt cannot be embedded: `fallback` goes to CATCHALL or the cheapest target, `fail` answers 503.",
    )
    .meta(sluiceAddition),
});

/** The config after validation, defaults filled in. */
export type AiProxyAdvancedConfig = z.output<typeof aiProxyAdvancedConfig>;

/** Everything the semantic algorithm needs to know; nothing is left to guess. */
export interface SemanticSettings {
  readonly embeddings: EmbeddingsOptions;
  readonly vectordb: VectordbOptions & {
    readonly threshold: number;
    readonly distance_metric: "cosine" | "euclidean";
  };
}

/** The blocks of a semantic balancer, with our defaults where the config has none. */
export function semanticSettings(config: AiProxyAdvancedConfig): SemanticSettings {
  const vectordb = config.vectordb ?? defaultVectordb;
  return {
    embeddings: config.embeddings ?? defaultEmbeddings,
    vectordb: {
      ...vectordb,
      threshold: vectordb.threshold ?? defaultVectordb.threshold,
      distance_metric: vectordb.distance_metric ?? "cosine",
    },
  };
}
