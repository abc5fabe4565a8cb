/** Embeddings over OpenAI's API, from OpenAI or from any server that speaks it (`model.options.upstream_url`). */
import { createHash } from "node:crypto";
import type { Embedder, EmbedderConfig, EmbedderServices, EmbeddingResult } from "./embedder.ts";
import { defineEmbedder } from "./embedder.ts";
import { EmbeddingError } from "./embedding-error.ts";
import { createCaller } from "./openai/call.ts";
import { vendorTextBytes } from "./openai/request.ts";

const defaultEndpoint = "https://api.openai.com/v1/embeddings";

/**
 * The API takes 2048 texts; 512 keep the largest answer (3072 numbers each, written as JSON by a server that ignores
 * base64) below the transport's 32 MiB.
 */
const maxBatch = 512;

/** The API takes 300 000 tokens in one call; a text never has more tokens than bytes. */
const maxCallBytes = 300_000;

/** What the vendor's models answer when no `dimensions` are asked for. */
const nativeDimensions: Readonly<Record<string, number>> = {
  "text-embedding-3-small": 1536,
  "text-embedding-3-large": 3072,
  "text-embedding-ada-002": 1536,
};

/** Sent to learn the length of the vectors when there is nothing else to send. */
const probe = "a";

export const openai = defineEmbedder({
  name: "openai",
  summary: "Embeds with OpenAI, or with any server that speaks its embeddings API.",
  create: createOpenaiEmbedder,
});

function createOpenaiEmbedder(config: EmbedderConfig, services: EmbedderServices): Embedder {
  const { auth, dimensions } = config;
  const { name: model, options } = config.model;
  if (!model)
    throw new Error("embeddings.model.name is missing: name the model, e.g. text-embedding-3-small");
  const endpoint = readEndpoint(options?.upstream_url ?? defaultEndpoint);
  const call = createCaller({ endpoint, model, dimensions, auth, post: services.post });
  let length = dimensions ?? (options?.upstream_url === undefined ? nativeDimensions[model] : undefined);

  function learn(answered: number): void {
    if (length === undefined) length = answered;
    if (length === answered) return;
    throw new EmbeddingError(
      "invalid",
      `openai/${model} at ${endpoint.host} answered vectors of ${answered} numbers after ${length}: ` +
        "the model behind this URL has changed; reload the configuration",
    );
  }

  async function embedSpoken(texts: readonly string[], signal: AbortSignal): Promise<EmbeddingResult> {
    const vectors: Float32Array[] = [];
    let inputTokens: number | undefined;
    for (const batch of batches(texts)) {
      const answer = await call(batch, signal);
      vectors.push(...answer.vectors);
      if (answer.inputTokens !== undefined) inputTokens = (inputTokens ?? 0) + answer.inputTokens;
    }
    if (vectors[0] !== undefined) learn(vectors[0].length);
    return inputTokens === undefined ? { vectors } : { vectors, inputTokens };
  }

  return {
    space: spaceOf(endpoint, model, dimensions),
    provider: "openai",
    model,
    get dimensions() {
      return length;
    },
    maxBatch,
    async embed(texts, signal) {
      const trimmed = texts.map((text) => text.trim());
      // The API refuses an empty text; it has no direction, so that its vector is zero without asking.
      const spoken = trimmed.filter((text) => text !== "");
      const mustProbe = spoken.length === 0 && texts.length > 0 && length === undefined;
      const { vectors, ...rest } = await embedSpoken(mustProbe ? [probe] : spoken, signal);
      let next = 0;
      const all = trimmed.map(
        (text) => (text === "" ? undefined : vectors[next++]) ?? new Float32Array(length ?? 0),
      );
      return { vectors: all, ...rest };
    },
  };
}

function readEndpoint(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "https:" || url?.protocol === "http:") return url;
  throw new Error(
    "embeddings.model.options.upstream_url is not an http(s) URL: give the full URL of the endpoint",
  );
}

/** Cut in order so that no call exceeds the vendor's bounds. */
function batches(texts: readonly string[]): readonly (readonly string[])[] {
  const all: string[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const text of texts) {
    const size = Math.min(vendorTextBytes, Buffer.byteLength(text));
    const current = all.at(-1);
    if (current === undefined || bytes + size > maxCallBytes || current.length === maxBatch) {
      all.push([text]);
      bytes = size;
    } else {
      current.push(text);
      bytes += size;
    }
  }
  return all;
}

/** A query may choose the model or carry a credential, so that it counts but is not readable. */
function spaceOf(endpoint: URL, model: string, dimensions: number | undefined): string {
  const query =
    endpoint.search === ""
      ? ""
      : `?${createHash("sha256").update(endpoint.search).digest("hex").slice(0, 16)}`;
  return `openai:${endpoint.origin}${endpoint.pathname}${query}:${model}:${dimensions ?? "native"}`;
}
