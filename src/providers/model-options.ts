/** The block `model.options` of a target: how its model is called and what it costs. */
import { z } from "zod";
import { parseTokenLimit } from "../llm/token-limit.ts";
import { deprecated, planned } from "../util/field-notes.ts";
import {
  bedrockOptions,
  cohereOptions,
  dashscopeOptions,
  databricksOptions,
  geminiOptions,
  huggingfaceOptions,
} from "./vendor-options.ts";

const price = (description: string) =>
  z
    .number()
    .refine((cost) => cost >= 0, "must not be negative")
    .describe(description);

const factor = (description: string) =>
  z
    .number()
    .refine((value) => value >= 0, "must not be negative")
    .describe(description);

const cacheWriteCost = z.strictObject({
  ttl: z.string().describe("Life of the cache entry as the vendor names it, e.g. `5m` or `1h`."),
  cost: price("USD per 1M tokens written to a cache entry of this life."),
});

const contextWindowFactor = z.strictObject({
  above: z
    .string()
    .refine(
      (text) => parseTokenLimit(text) !== undefined,
      "must be a whole number of tokens, like 200000 or 200k",
    )
    .describe(
      "Number of input tokens above which the factors hold, e.g. `200000` or `200k`; the highest one counts.",
    ),
  input_factor: factor("Multiplies the prices of the input, cached or not."),
  output_factor: factor("Multiplies the price of the output."),
});

const serviceTierFactor = z.strictObject({
  tier: z
    .string()
    .min(1)
    .describe(
      "Word looked for in the tier the vendor reports, letter case ignored; the longest match counts.",
    ),
  factor: factor("Multiplies the price of the whole request."),
});

/** An address that may hold `$(headers.x)` and the like; those are filled in per request and can't be checked here. */
export const upstreamUrl = z
  .string()
  .refine(
    (url) => url.includes("$(") || isHttpUrl(url),
    "must be a full URL that begins with http:// or https://",
  );

export const modelOptions = z
  .strictObject({
    max_tokens: z
      .int()
      .refine((tokens) => tokens >= 1, "must be at least 1")
      .describe("Most tokens the model may answer with. A client can ask for fewer, never for more.")
      .optional(),
    temperature: z
      .number()
      .min(0)
      .max(5)
      .describe("Randomness of the answer, where the client gives none.")
      .optional(),
    top_p: z
      .number()
      .min(0)
      .max(1)
      .describe("Share of probability to choose from, where the client gives none.")
      .optional(),
    top_k: z
      .int()
      .min(0)
      .max(500)
      .describe("Number of tokens to choose from, for vendors that know it.")
      .optional(),
    input_cost: price(
      "USD per 1M tokens of input. Left out, the price table's price of the model holds, where it has one.",
    ).optional(),
    output_cost: price(
      "USD per 1M tokens of output. Left out, the price table's price of the model holds, where it has one.",
    ).optional(),
    cache_read_cost: price(
      "USD per 1M input tokens read from the vendor's prompt cache; `input_cost` where nothing is known.",
    ).optional(),
    cache_write_cost: price(
      "USD per 1M input tokens written to the vendor's prompt cache; `input_cost` where nothing is known.",
    ).optional(),
    cache_write_cost_list: z
      .array(cacheWriteCost)
      .describe("Price of cache writes by the life of the entry; comes before `cache_write_cost`.")
      .optional(),
    context_window_factor: z.array(contextWindowFactor).describe("Dearer prices for long inputs.").optional(),
    service_tier_factor: z
      .array(serviceTierFactor)
      .describe("Other prices for the vendor's service tiers; 1 where none matches.")
      .optional(),
    embeddings_dimensions: z
      .int()
      .describe("Length of the vectors an embedding model returns.")
      .meta(planned)
      .optional(),
    upstream_url: upstreamUrl
      .describe(
        "Full URL of the operation, in place of the vendor's own: self-hosted models, proxies, private endpoints.",
      )
      .optional(),
    upstream_path: z
      .string()
      .describe("Path of the operation on the vendor's host. Prefer `upstream_url`.")
      .meta(deprecated)
      .optional(),
    anthropic_version: z.string().describe("Value of the `anthropic-version` header.").optional(),
    azure_instance: z.string().describe("Name of the Azure OpenAI instance.").meta(planned).optional(),
    azure_deployment_id: z
      .string()
      .describe("Deployment inside the Azure OpenAI instance.")
      .meta(planned)
      .optional(),
    azure_api_version: z
      .string()
      .default("2023-05-15")
      .describe("Value of Azure's `api-version`.")
      .meta(planned),
    llama2_format: z
      .enum(["raw", "openai", "ollama"])
      .describe("Dialect a self-hosted Llama server speaks.")
      .meta(planned)
      .optional(),
    mistral_format: z
      .enum(["openai", "ollama"])
      .describe("Dialect the Mistral server speaks.")
      .meta(planned)
      .optional(),
    gemini: geminiOptions.describe("Gemini on Vertex AI.").meta(planned).optional(),
    bedrock: bedrockOptions.describe("Amazon Bedrock.").meta(planned).optional(),
    huggingface: huggingfaceOptions.describe("Hugging Face.").meta(planned).optional(),
    cohere: cohereOptions.describe("Cohere.").meta(planned).optional(),
    dashscope: dashscopeOptions.describe("Alibaba DashScope.").meta(planned).optional(),
    databricks: databricksOptions.describe("Databricks.").meta(planned).optional(),
  })
  .describe("How the model is called and what it costs.");

/** The block after validation, defaults filled in. Prices in USD per 1M tokens. */
export type ModelOptions = z.output<typeof modelOptions>;

function isHttpUrl(url: string): boolean {
  return /^https?:\/\//i.test(url) && URL.canParse(url);
}
