/** The block `embeddings`: which model turns texts into vectors, and with which credential. */
import { z } from "zod";
import { authOptions, checkAuth } from "../providers/auth-options.ts";
import { upstreamUrl } from "../providers/model-options.ts";
import {
  bedrockOptions,
  checkVendorBlocks,
  huggingfaceOptions,
  vertexOptions,
} from "../providers/vendor-options.ts";
import { planned, sluiceAddition } from "../util/field-notes.ts";
import { type OptionFault, required } from "../util/option-rules.ts";
import { embedderNames, localEmbedderName } from "./names.ts";

const azureOptions = z.strictObject({
  instance: z.string().describe("Name of the Azure OpenAI instance.").optional(),
  deployment_id: z.string().describe("Deployment inside the Azure OpenAI instance.").optional(),
  api_version: z.string().default("2023-05-15").describe("Value of Azure's `api-version`."),
});

/** The block is shared with chat models; what concerns videos and batch jobs does nothing here. */
const { video_output_s3_uri, batch_bucket_prefix, batch_role_arn } = bedrockOptions.shape;
const embeddingBedrockOptions = bedrockOptions.extend({
  video_output_s3_uri: video_output_s3_uri.meta(planned),
  batch_bucket_prefix: batch_bucket_prefix.meta(planned),
  batch_role_arn: batch_role_arn.meta(planned),
});

const embeddingOptions = z
  .strictObject({
    upstream_url: upstreamUrl
      .describe(
        "Full URL of the embeddings endpoint, in place of the vendor's own; with `openai` any server that speaks its API.",
      )
      .optional(),
    azure: azureOptions.describe("Azure OpenAI.").optional(),
    bedrock: embeddingBedrockOptions.describe("Amazon Bedrock.").optional(),
    gemini: vertexOptions.describe("Gemini on Vertex AI.").optional(),
    huggingface: huggingfaceOptions.describe("Hugging Face.").optional(),
    input_cost: z
      .number()
      .refine((cost) => cost >= 0, "must not be negative")
      .describe("USD per 1M tokens that are embedded, for the account of what routing costs.")
      .meta(sluiceAddition)
      .optional(),
  })
  .describe("How the model is called.");

const embeddingModel = z
  .strictObject({
    provider: z
      .enum(embedderNames)
      .describe(
        "Who embeds. Sluice addition: `local`, a model inside the process that needs no key and no network.",
      ),
    name: z
      .string()
      .refine((name) => name !== "", "must not be empty")
      .describe(
        "The vendor's name of the model. Sluice addition: `local` may leave it out and means the shipped model.",
      )
      .optional(),
    options: embeddingOptions.prefault({}),
  })
  .superRefine((model, context) => {
    if (model.provider === localEmbedderName || model.name !== undefined) return;
    context.addIssue({
      code: "custom",
      path: ["name"],
      message: "must name the embedding model, e.g. as its vendor's documentation does",
    });
  })
  .describe("The embedding model.");

export const embeddingsOptions = z
  .strictObject({ auth: authOptions.prefault({}), model: embeddingModel })
  .describe("How texts become vectors. Left out, the model inside the process embeds (Sluice addition).");

export type EmbeddingsOptions = z.output<typeof embeddingsOptions>;

/** What stands in where a semantic balancer has no `embeddings` block. */
export const defaultEmbeddings: EmbeddingsOptions = embeddingsOptions.parse({
  model: { provider: localEmbedderName },
});

/** True for an embedder whose vectors have a length of their own that no setting changes. */
export function isLocalEmbedder(embeddings: EmbeddingsOptions): boolean {
  return embeddings.model.provider === localEmbedderName;
}

/** Faults of the block; paths are relative to it. */
export function checkEmbeddings({ auth, model }: EmbeddingsOptions): readonly OptionFault[] {
  const { options, provider } = model;
  return [
    ...(provider === "azure"
      ? required(
          options.azure ?? {},
          ["instance", "api_version", "deployment_id"],
          ["model", "options", "azure"],
          "azure provider",
        )
      : []),
    ...checkTemplates(options),
    ...checkAuth(auth),
    ...(provider === "azure" ? checkAzureClient(auth) : []),
    ...checkVendorBlocks(options, ["model", "options"]),
    ...(auth.allow_override && (provider === "bedrock" || provider === "gemini")
      ? [
          {
            path: ["auth", "allow_override"],
            message: "bedrock and gemini only support auth.allow_override = false",
          },
        ]
      : []),
  ];
}

/**
 * The published descriptions give these fields a meaning "if azure_use_managed_identity is set to true" and none
 * otherwise. Beside a key they are left alone, as a file may keep them while it signs in by key; where they are all
 * there is, every call would go without a credential.
 */
function checkAzureClient(auth: EmbeddingsOptions["auth"]): readonly OptionFault[] {
  if (auth.azure_use_managed_identity || auth.header_name || auth.param_name) return [];
  const fields = ["azure_client_id", "azure_client_secret", "azure_tenant_id"] as const;
  const given = fields.filter((field) => auth[field]);
  if (given.length === 0) return [];
  const message =
    `must be true for ${given.join(", ")} to have an effect: ` +
    "without it, and without header_name or param_name, calls carry no credential";
  return [{ path: ["auth", "azure_use_managed_identity"], message }];
}

/** Descriptions are embedded at load, before there is a request to fill a template from. */
function checkTemplates({ upstream_url }: EmbeddingsOptions["model"]["options"]): readonly OptionFault[] {
  if (!upstream_url?.includes("$(")) return [];
  const message =
    "must not hold a template: descriptions are embedded before there is a request to fill it from";
  return [{ path: ["model", "options", "upstream_url"], message }];
}
