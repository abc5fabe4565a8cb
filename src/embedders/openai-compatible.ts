/** The dialect of OpenAI's embeddings API, which many vendors and servers speak; members add host, bounds and names. */
import { endianness } from "node:os";
import { isJsonObject } from "../llm/json.ts";
import type { EmbedderAuth } from "./embedder.ts";
import { parseAnswer, readCount, readNumbers, requireNumber } from "./http/answer.ts";
import type { EmbeddingsAnswer, EmbeddingsDialect } from "./http/dialect.ts";
import { fewerTexts, isRequestRefused, shorterTexts } from "./http/give-way.ts";
import { bodyCredential, jsonHeaders, secretsOf, spaceOf, urlWithCredential } from "./http/request.ts";

export interface OpenaiCompatibleOptions {
  readonly provider: string;
  readonly model: string;
  readonly endpoint: URL;
  readonly auth: EmbedderAuth | undefined;
  /** As configured; undefined: the model's own length. */
  readonly dimensions: number | undefined;
  readonly nativeDimensions?: number | undefined;
  /** The body's field for `dimensions`; undefined where the model has one length and refuses to be asked. */
  readonly dimensionsField: string | undefined;
  /** How numbers are asked for: base64 is a quarter as long. Default base64; a server that refuses it is not asked again. */
  readonly encoding?: "base64" | "json";
  readonly textsPerCall: number;
  readonly bytesPerCall: number;
  readonly bytesPerText: number;
  readonly authorize?: EmbeddingsDialect["authorize"];
  readonly readRefusal?: EmbeddingsDialect["readRefusal"];
}

/**
 * Bounds of OpenAI's own models. The API takes 2048 texts; 512 keep the largest answer (3072 numbers each, written as
 * JSON by a server that ignores base64) below the 32 MiB that an `HttpCall` accepts. It takes 300 000 tokens in one
 * call and 8191 in one text; a byte-level BPE never makes more tokens than bytes, so that as many bytes fit in any
 * language; in English 8191 bytes are the first 1300 words or so, more than a routing decision gains from.
 */
export const openaiBounds = { textsPerCall: 512, bytesPerCall: 300_000, bytesPerText: 8191 } as const;

/** What OpenAI's models answer when no `dimensions` are asked for. */
export const openaiLengths: Readonly<Record<string, number>> = {
  "text-embedding-3-small": 1536,
  "text-embedding-3-large": 3072,
  "text-embedding-ada-002": 1536,
};

/** ada-002 answers 400 to `dimensions`; also under names like "vendor/text-embedding-ada-002". */
export function hasOneLength(model: string): boolean {
  return /ada-002/i.test(model);
}

/** What is asked beyond model and texts; each of it may turn out to be more than the server understands. */
interface Asked {
  readonly isBase64: boolean;
  readonly areDimensions: boolean;
  readonly textsPerCall: number;
  readonly bytesPerText: number;
}

export function openaiCompatible(options: OpenaiCompatibleOptions): EmbeddingsDialect {
  const { dimensions, dimensionsField, textsPerCall, bytesPerText } = options;
  const isBase64 = options.encoding !== "json";
  const areDimensions = dimensions !== undefined && dimensionsField !== undefined;
  return asking(options, { isBase64, areDimensions, textsPerCall, bytesPerText });
}

function asking(options: OpenaiCompatibleOptions, asked: Asked): EmbeddingsDialect {
  const { provider, model, endpoint, auth, dimensions, authorize, readRefusal } = options;
  const url = urlWithCredential(endpoint, auth);
  const headers = jsonHeaders(auth);
  return {
    provider,
    model,
    space: spaceOf({ provider, endpoint, model, dimensions }),
    host: endpoint.host,
    dimensions,
    nativeDimensions: options.nativeDimensions,
    textsPerCall: asked.textsPerCall,
    bytesPerCall: options.bytesPerCall,
    bytesPerText: asked.bytesPerText,
    secrets: secretsOf(auth),
    encode: (texts) => ({ url, headers, body: encodeBody(options, asked, texts) }),
    ...(authorize && { authorize }),
    ...(readRefusal && { readRefusal }),
    decode: ({ body }, expected) => readEmbeddings(body, expected),
    giveWay(status, message) {
      const less = askLess(asked, status, message);
      return less && asking(options, less);
    },
  };
}

function encodeBody(options: OpenaiCompatibleOptions, asked: Asked, texts: readonly string[]): string {
  const { model, dimensions, dimensionsField, auth } = options;
  return JSON.stringify({
    model,
    input: texts,
    ...(asked.isBase64 && { encoding_format: "base64" }),
    ...(asked.areDimensions && dimensionsField !== undefined && { [dimensionsField]: dimensions }),
    ...bodyCredential(auth),
  });
}

/**
 * What to ask next after the server refused with this message, or undefined when asking less cannot help. Servers that
 * are compatible in part refuse `encoding_format`, `dimensions` (models of one length), or more than some
 * texts at a time, or long texts (models of 512 tokens); none of these is a reason to fail a prompt.
 */
function askLess(asked: Asked, status: number, message: string): Asked | undefined {
  if (!isRequestRefused(status)) return undefined;
  if (asked.isBase64 && /encoding_format|base64/i.test(message)) return { ...asked, isBase64: false };
  if (asked.areDimensions && /dimension|matryoshka/i.test(message)) return { ...asked, areDimensions: false };
  const textsPerCall = fewerTexts(asked.textsPerCall, message);
  if (textsPerCall !== undefined) return { ...asked, textsPerCall };
  const bytesPerText = shorterTexts(asked.bytesPerText, message);
  return bytesPerText === undefined ? undefined : { ...asked, bytesPerText };
}

/** Reads numbers written as base64 or as JSON. Throws an `Error` that says what is wrong with the answer. */
function readEmbeddings(body: string, expected: number): EmbeddingsAnswer {
  const answer = parseAnswer(body);
  const data = isJsonObject(answer) ? answer["data"] : undefined;
  if (!Array.isArray(data)) throw new Error("the answer has no list `data` of embeddings");
  requireNumber(data.length, expected);
  return { vectors: inOrder(data).map(readVector), inputTokens: readTokens(answer) };
}

/** By `index` where the items have one; a server that sends none is taken at its order. */
function inOrder(data: readonly unknown[]): readonly unknown[] {
  const indexes = data.map((item) => (isJsonObject(item) ? item["index"] : undefined));
  if (indexes.every((index) => index === undefined)) return data.map(embeddingOf);
  const ordered = new Map<unknown, unknown>();
  indexes.forEach((index, place) => {
    ordered.set(index, embeddingOf(data[place]));
  });
  return data.map((_, place) => {
    if (!ordered.has(place)) throw new Error(`no embedding has index ${place}`);
    return ordered.get(place);
  });
}

function embeddingOf(item: unknown): unknown {
  return isJsonObject(item) ? item["embedding"] : undefined;
}

function readVector(embedding: unknown, place: number): Float32Array {
  if (typeof embedding === "string") return decodeBase64(embedding, place);
  if (!Array.isArray(embedding))
    throw new Error(`embedding ${place} is neither base64 nor a list of numbers`);
  return readNumbers(embedding, place);
}

/** Little-endian float32s, as the vendor's own SDK reads them. */
function decodeBase64(text: string, place: number): Float32Array {
  const bytes = Buffer.from(text, "base64");
  // Buffer skips what is not base64 without a word.
  const isBase64 = /^[A-Za-z0-9+/]*={0,2}$/.test(text);
  if (!isBase64 || bytes.length % 4 !== 0)
    throw new Error(`embedding ${place} is not base64 of 4-byte numbers`);
  // A copy, as the buffer's own memory need not begin at a multiple of four. All of Node's machines but s390x are little-endian.
  if (endianness() === "BE") bytes.swap32();
  return new Float32Array(new Uint8Array(bytes).buffer);
}

function readTokens(answer: unknown): number | undefined {
  const usage = isJsonObject(answer) ? answer["usage"] : undefined;
  return isJsonObject(usage) ? readCount(usage["prompt_tokens"] ?? usage["total_tokens"]) : undefined;
}
