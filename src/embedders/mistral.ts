/** Embeddings from Mistral's API (https://docs.mistral.ai/api/endpoint/embeddings), or from a server that speaks it. */
import { defineEmbedder, type Embedder, type EmbedderConfig, type EmbedderServices } from "./embedder.ts";
import { readEndpoint, requireModel } from "./http/request.ts";
import { createHttpEmbedder } from "./http-embedder.ts";
import { openaiCompatible } from "./openai-compatible.ts";

/**
 * The API takes 128 texts, 16 384 tokens in one call and 8192 in one text. A text has no more tokens than bytes and
 * the two that begin and end it, for which both bounds leave room.
 */
const bounds = { textsPerCall: 128, bytesPerCall: 16_000, bytesPerText: 8_000 } as const;

/** By the beginning of a model's name, so that dated versions are known too. */
const models = [
  { prefix: "mistral-embed", length: 1024, dimensionsField: undefined },
  { prefix: "codestral-embed", length: 1536, dimensionsField: "output_dimension" },
] as const;

export const mistral = defineEmbedder({
  name: "mistral",
  summary: "Embeds with Mistral's API.",
  create: createMistralEmbedder,
});

function createMistralEmbedder(config: EmbedderConfig, services: EmbedderServices): Embedder {
  const { auth, dimensions } = config;
  const name = requireModel(config, "mistral-embed");
  const model = models.find(({ prefix }) => name.startsWith(prefix));
  const isMistral = config.model.options?.upstream_url === undefined;
  const dialect = openaiCompatible({
    provider: "mistral",
    model: name,
    endpoint: readEndpoint(config, "https://api.mistral.ai/v1/embeddings"),
    auth,
    dimensions,
    nativeDimensions: isMistral ? model?.length : undefined,
    // A model we do not know is asked; one that has a single length refuses, and is not asked again.
    dimensionsField: model === undefined ? "output_dimension" : model.dimensionsField,
    // The API documents `encoding_format`, but neither the layout of its base64 nor a reader of it in its own SDK.
    encoding: "json",
    ...bounds,
  });
  return createHttpEmbedder(dialect, services);
}
