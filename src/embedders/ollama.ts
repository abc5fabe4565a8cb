/**
 * Embeddings from an Ollama server (https://docs.ollama.com/api/embed), through its own endpoint or through the one of
 * OpenAI's shape that it has beside it; the path of `model.options.upstream_url` says which.
 */
import { isJsonObject } from "../llm/json.ts";
import { defineEmbedder, type Embedder, type EmbedderConfig, type EmbedderServices } from "./embedder.ts";
import { parseAnswer, readCount, readNumbers } from "./http/answer.ts";
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
import { createHttpEmbedder, type EmbeddingsAnswer, type EmbeddingsDialect } from "./http-embedder.ts";
import { openaiCompatible } from "./openai-compatible.ts";

/**
 * The server has no bounds of its own and cuts a text to what its model takes. Ours keep a call within its deadline on
 * a machine without a GPU; they are a guess.
 */
const bounds = { textsPerCall: 32, bytesPerCall: 65_536, bytesPerText: 8_192 } as const;

export const ollama = defineEmbedder({
  name: "ollama",
  summary: "Embeds with a model that an Ollama server runs; needs no key.",
  create: createOllamaEmbedder,
});

function createOllamaEmbedder(config: EmbedderConfig, services: EmbedderServices): Embedder {
  const parts: Parts = {
    config,
    model: requireModel(config, "nomic-embed-text"),
    endpoint: readEndpoint(config, "http://127.0.0.1:11434/api/embed"),
  };
  return createHttpEmbedder(dialectOf(parts), services);
}

interface Parts {
  readonly config: EmbedderConfig;
  readonly model: string;
  readonly endpoint: URL;
}

function dialectOf(parts: Parts): EmbeddingsDialect {
  const { config, model, endpoint } = parts;
  if (/\/api\/embeddings\/?$/.test(endpoint.pathname))
    throw new Error(
      "embeddings.model.options.upstream_url is Ollama's former endpoint, which takes one text: set it to …/api/embed",
    );
  if (/\/embeddings\/?$/.test(endpoint.pathname)) {
    const { auth, dimensions } = config;
    return openaiCompatible({
      provider: "ollama",
      model,
      endpoint,
      auth,
      dimensions,
      dimensionsField: "dimensions",
      ...bounds,
    });
  }
  return asking(parts, { ...bounds, areDimensions: config.dimensions !== undefined });
}

/** What may turn out to be more than the server understands. */
interface Asked {
  readonly areDimensions: boolean;
  readonly textsPerCall: number;
  readonly bytesPerText: number;
}

function asking(parts: Parts, asked: Asked): EmbeddingsDialect {
  const { model, endpoint } = parts;
  const { auth, dimensions } = parts.config;
  const url = urlWithCredential(endpoint, auth);
  const headers = jsonHeaders(auth);
  return {
    provider: "ollama",
    model,
    space: spaceOf({ provider: "ollama", endpoint, model, dimensions }),
    host: endpoint.host,
    dimensions,
    textsPerCall: asked.textsPerCall,
    bytesPerCall: bounds.bytesPerCall,
    bytesPerText: asked.bytesPerText,
    secrets: secretsOf(auth),
    encode: (input) => ({
      url,
      headers,
      body: JSON.stringify({
        model,
        input,
        truncate: true,
        ...(asked.areDimensions && { dimensions }),
        ...bodyCredential(auth),
      }),
    }),
    decode: ({ body }) => readEmbeddings(body),
    giveWay(status, message) {
      const less = askLess(asked, status, message);
      return less && asking(parts, less);
    },
  };
}

/** Versions 0.13.5 and later may refuse long texts although told to cut them (https://github.com/ollama/ollama/issues/14186). */
function askLess(asked: Asked, status: number, message: string): Asked | undefined {
  if (!isRequestRefused(status)) return undefined;
  if (asked.areDimensions && /dimension/i.test(message)) return { ...asked, areDimensions: false };
  const textsPerCall = fewerTexts(asked.textsPerCall, message);
  if (textsPerCall !== undefined) return { ...asked, textsPerCall };
  const bytesPerText = shorterTexts(asked.bytesPerText, message);
  return bytesPerText === undefined ? undefined : { ...asked, bytesPerText };
}

function readEmbeddings(body: string): EmbeddingsAnswer {
  const answer = parseAnswer(body);
  const embeddings = isJsonObject(answer) ? answer["embeddings"] : undefined;
  if (!isJsonObject(answer) || !Array.isArray(embeddings))
    throw new Error("the answer has no list `embeddings`");
  return { vectors: embeddings.map(readNumbers), inputTokens: readCount(answer["prompt_eval_count"]) };
}
