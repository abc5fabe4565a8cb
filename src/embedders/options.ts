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
import { planned } from "../util/field-notes.ts";
import { type OptionFault, required } from "../util/option-rules.ts";
import { embedderNames, localEmbedderName } from "./names.ts";

const azureOptions = z.strictObject({
  instance: z.string().describe("Name of the Azure OpenAI instance.").optional(),
  deployment_id: z.string().describe("Deployment inside the Azure OpenAI instance.").optional(),
  api_version: z.string().default("2023-05-15").describe("Value of Azure's `api-version`."),
});

const embeddingOptions = z
  .strictObject({
    upstream_url: upstreamUrl
      .describe("Full URL of the embeddings endpoint; any server that speaks OpenAI's API will do.")
      .optional(),
    azure: azureOptions.describe("Azure OpenAI.").meta(planned).optional(),
    bedrock: bedrockOptions.describe("Amazon Bedrock.").meta(planned).optional(),
    gemini: vertexOptions.describe("Gemini on Vertex AI.").meta(planned).optional(),
    huggingface: huggingfaceOptions.describe("Hugging Face.").meta(planned).optional(),
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
    ...checkAuth(auth),
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
