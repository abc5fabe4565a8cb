/** Reads the answer of an OpenAI-compatible embeddings endpoint, numbers written as base64 or as JSON. */
import { isJsonObject } from "../../llm/json.ts";
import { normalise } from "../../util/vector.ts";

export interface EmbeddingsAnswer {
  /** Unit length, in the order of the request, all of one length. */
  readonly vectors: readonly Float32Array[];
  readonly inputTokens: number | undefined;
}

/** Throws an `Error` that says what is wrong with the answer unless it holds exactly `expected` usable vectors. */
export function readEmbeddings(body: string, expected: number): EmbeddingsAnswer {
  const answer = parse(body);
  const data = isJsonObject(answer) ? answer["data"] : undefined;
  if (!Array.isArray(data)) throw new Error("the answer has no list `data` of embeddings");
  if (data.length !== expected)
    throw new Error(`${expected} texts were sent but ${data.length} embeddings came back`);
  const vectors = inOrder(data).map(readVector);
  const length = vectors[0]?.length;
  const odd = vectors.find((vector) => vector.length !== length);
  if (odd !== undefined) throw new Error(`the answer mixes vectors of ${length} and ${odd.length} numbers`);
  return { vectors, inputTokens: readTokens(answer) };
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    // The parser's message quotes the body, which may repeat the text that was sent.
    throw new Error(`the answer is not JSON (${body.length} characters)`);
  }
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
  const vector = decode(embedding, place);
  if (vector.length === 0) throw new Error(`embedding ${place} is empty`);
  if (!vector.every(Number.isFinite)) throw new Error(`embedding ${place} holds numbers that are not finite`);
  if (vector.every((value) => value === 0)) throw new Error(`embedding ${place} is all zeros`);
  return normalise(vector);
}

function decode(embedding: unknown, place: number): Float32Array {
  if (typeof embedding === "string") return decodeBase64(embedding, place);
  if (!Array.isArray(embedding))
    throw new Error(`embedding ${place} is neither base64 nor a list of numbers`);
  if (!embedding.every((value) => typeof value === "number")) {
    throw new Error(`embedding ${place} holds something else than numbers`);
  }
  return Float32Array.from(embedding);
}

/** Little-endian float32s, as the vendor's own SDK reads them. */
function decodeBase64(text: string, place: number): Float32Array {
  const bytes = Buffer.from(text, "base64");
  // Buffer skips what is not base64 without a word; only then is the text longer than its bytes need.
  const isBase64 = /^[A-Za-z0-9+/]*={0,2}$/.test(text);
  if (!isBase64 || bytes.length % 4 !== 0)
    throw new Error(`embedding ${place} is not base64 of 4-byte numbers`);
  const vector = new Float32Array(bytes.length / 4);
  for (let i = 0; i < vector.length; i++) vector[i] = bytes.readFloatLE(i * 4);
  return vector;
}

function readTokens(answer: unknown): number | undefined {
  const usage = isJsonObject(answer) ? answer["usage"] : undefined;
  const tokens = isJsonObject(usage) ? (usage["prompt_tokens"] ?? usage["total_tokens"]) : undefined;
  return typeof tokens === "number" && Number.isFinite(tokens) && tokens >= 0 ? tokens : undefined;
}
