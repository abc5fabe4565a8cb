/** Embeddings over OpenAI's API, from OpenAI or from any server that speaks it (`model.options.upstream_url`). */
import type { Embedder, EmbedderConfig, EmbedderServices } from "./embedder.ts";
import { defineEmbedder } from "./embedder.ts";
import { readEndpoint, requireModel } from "./http/request.ts";
import { createHttpEmbedder } from "./http-embedder.ts";
import { hasOneLength, openaiBounds, openaiCompatible, openaiLengths } from "./openai-compatible.ts";

export const openai = defineEmbedder({
  name: "openai",
  summary: "Embeds with OpenAI, or with any server that speaks its embeddings API.",
  create: createOpenaiEmbedder,
});

function createOpenaiEmbedder(config: EmbedderConfig, services: EmbedderServices): Embedder {
  const model = requireModel(config, "text-embedding-3-small");
  const isOpenai = config.model.options?.upstream_url === undefined;
  const dialect = openaiCompatible({
    provider: "openai",
    model,
    endpoint: readEndpoint(config, "https://api.openai.com/v1/embeddings"),
    auth: config.auth,
    dimensions: config.dimensions,
    nativeDimensions: isOpenai ? openaiLengths[model] : undefined,
    dimensionsField: hasOneLength(model) ? undefined : "dimensions",
    ...openaiBounds,
  });
  return createHttpEmbedder(dialect, services);
}
