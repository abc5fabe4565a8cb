/**
 * Embeddings from Hugging Face: its inference API (https://huggingface.co/docs/inference-providers/tasks/feature-extraction),
 * or through `model.options.upstream_url` an Inference Endpoint or a server of Text Embeddings Inference (`…/embed`),
 * which answer alike.
 */
import { defineEmbedder, type Embedder, type EmbedderConfig, type EmbedderServices } from "./embedder.ts";
import { fewerTexts, isRequestRefused, shorterTexts } from "./http/give-way.ts";
import {
  bodyCredential,
  jsonHeaders,
  readEndpoint,
  requireModel,
  secretsOf,
  spaceOf,
  urlWithCredential,
} from "./http/request.ts";
import { createHttpEmbedder, type EmbeddingsDialect } from "./http-embedder.ts";
import { readEmbeddings, readRefusal } from "./huggingface/answer.ts";

/**
 * A server of Text Embeddings Inference takes 32 texts unless told otherwise (`--max-client-batch-size`), and cuts
 * them to what the model takes.
 */
const bounds = { textsPerCall: 32, bytesPerCall: 32 * 8192, bytesPerText: 8192 } as const;

export const huggingface = defineEmbedder({
  name: "huggingface",
  summary: "Embeds with Hugging Face's inference API, an Inference Endpoint, or Text Embeddings Inference.",
  create: createHuggingfaceEmbedder,
});

function createHuggingfaceEmbedder(config: EmbedderConfig, services: EmbedderServices): Embedder {
  const model = requireModel(config, "sentence-transformers/all-MiniLM-L6-v2");
  const path = model.split("/").map(encodeURIComponent).join("/");
  const standard = `https://router.huggingface.co/hf-inference/models/${path}/pipeline/feature-extraction`;
  const endpoint = readEndpoint(config, standard);
  if (/\/v1\/embeddings\/?$/.test(endpoint.pathname))
    throw new Error(
      "embeddings.model.options.upstream_url is an endpoint of OpenAI's API: set embeddings.model.provider to openai, " +
        "or the URL to that of Text Embeddings Inference's own endpoint (…/embed)",
    );
  const parts: Parts = { config, model, endpoint };
  return createHttpEmbedder(asking(parts, { ...bounds, areOptions: true }), services);
}

interface Parts {
  readonly config: EmbedderConfig;
  readonly model: string;
  readonly endpoint: URL;
}

/** What may turn out to be more than the server understands. */
interface Asked {
  /** `normalize` and `truncate`. */
  readonly areOptions: boolean;
  readonly textsPerCall: number;
  readonly bytesPerText: number;
}

function asking(parts: Parts, asked: Asked): EmbeddingsDialect {
  const { model, endpoint } = parts;
  const { auth, dimensions } = parts.config;
  const url = urlWithCredential(endpoint, auth);
  const headers = { ...jsonHeaders(auth), ...optionHeaders(parts.config) };
  return {
    provider: "huggingface",
    model,
    space: spaceOf({ provider: "huggingface", endpoint, model, dimensions }),
    host: endpoint.host,
    dimensions,
    textsPerCall: asked.textsPerCall,
    bytesPerCall: bounds.bytesPerCall,
    bytesPerText: asked.bytesPerText,
    secrets: secretsOf(auth),
    encode: (inputs) => ({
      url,
      headers,
      body: JSON.stringify({
        inputs,
        ...(asked.areOptions && { normalize: true, truncate: true }),
        ...bodyCredential(auth),
      }),
    }),
    decode: ({ body }) => readEmbeddings(body),
    readRefusal: ({ body }) => readRefusal(body),
    giveWay(status, message) {
      const less = askLess(asked, status, message);
      return less && asking(parts, less);
    },
  };
}

/** As the API's documentation had them up to 2025; servers that know nothing of them pass them by. */
function optionHeaders({ model }: EmbedderConfig): Readonly<Record<string, string>> {
  const { use_cache: useCache, wait_for_model: waitForModel } = model.options?.huggingface ?? {};
  return {
    ...(useCache !== undefined && { "x-use-cache": String(useCache) }),
    ...(waitForModel !== undefined && { "x-wait-for-model": String(waitForModel) }),
  };
}

/** Handlers of one's own on an Inference Endpoint take `inputs` and often nothing else. */
function askLess(asked: Asked, status: number, message: string): Asked | undefined {
  if (!isRequestRefused(status)) return undefined;
  if (asked.areOptions && /normalize|truncate|keyword argument|extra (?:field|input)/i.test(message))
    return { ...asked, areOptions: false };
  const textsPerCall = fewerTexts(asked.textsPerCall, message);
  if (textsPerCall !== undefined) return { ...asked, textsPerCall };
  const bytesPerText = shorterTexts(asked.bytesPerText, message);
  return bytesPerText === undefined ? undefined : { ...asked, bytesPerText };
}
