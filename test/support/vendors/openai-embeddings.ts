/**
 * OpenAI's embeddings API as published (https://platform.openai.com/docs/api-reference/embeddings), also in the manner
 * of a self-hosted server that speaks it. Tokens are bytes / 4, at least one a text.
 */
import {
  type Embed,
  startVendorServer,
  VendorRefusal,
  type VendorReply,
  type VendorRequest,
  type VendorServer,
} from "./server.ts";

/** `adjustable`: takes `dimensions` up to its own length. */
interface Model {
  readonly length: number;
  readonly adjustable: boolean;
}

const models: Readonly<Record<string, Model>> = {
  "text-embedding-3-small": { length: 1536, adjustable: true },
  "text-embedding-3-large": { length: 3072, adjustable: true },
  "text-embedding-ada-002": { length: 1536, adjustable: false },
};
const mostTexts = 2048;
const mostTokensPerText = 8192;
const mostTokensPerCall = 300_000;
const fields = new Set(["model", "input", "dimensions", "encoding_format", "user"]);

export function startOpenaiEmbeddings({ key }: { readonly key: string }): Promise<VendorServer> {
  return startVendorServer((request, embed) => answer(request, embed, key));
}

function answer(request: VendorRequest, embed: Embed, key: string): VendorReply {
  if (request.path !== "/v1/embeddings") throw refusal(404, `Invalid URL (POST ${request.path})`);
  if (request.method !== "POST") throw refusal(405, "Not allowed to GET on /v1/embeddings");
  checkKey(request.headers["authorization"], key);
  if (!/^application\/json\b/.test(request.headers["content-type"] ?? ""))
    throw refusal(400, "Unsupported content type. This API method only accepts 'application/json' requests.");
  const body = readObject(request.json);
  for (const name of Object.keys(body))
    if (!fields.has(name)) throw refusal(400, `Unrecognized request argument supplied: ${name}`);
  const { name, length } = readModel(body);
  const texts = readInput(body["input"]);
  const counts = texts.map(countTokens);
  checkTokens(counts);
  const write = readEncoding(body["encoding_format"]);
  const data = embed(texts, length).map((vector, index) => ({
    object: "embedding",
    index,
    embedding: write(vector),
  }));
  const tokens = counts.reduce((sum, count) => sum + count, 0);
  const usage = { prompt_tokens: tokens, total_tokens: tokens };
  return { status: 200, body: { object: "list", data, model: name, usage } };
}

function checkKey(header: string | undefined, key: string): void {
  if (header === `Bearer ${key}`) return;
  if (header === undefined)
    throw refusal(
      401,
      "You didn't provide an API key. You need to provide your API key in an Authorization header.",
    );
  const given = header.replace(/^Bearer /, "");
  const starred = `${given.slice(0, 3)}${"*".repeat(8)}${given.slice(-4)}`;
  throw refusal(401, `Incorrect API key provided: ${starred}.`, "invalid_api_key");
}

function readObject(json: unknown): Readonly<Record<string, unknown>> {
  if (typeof json === "object" && json !== null && !Array.isArray(json))
    return json as Record<string, unknown>; // an object without a prototype of its own: it came from JSON.parse
  throw refusal(400, "We could not parse the JSON body of your request.");
}

function readModel(body: Readonly<Record<string, unknown>>): { name: string; length: number } {
  const { model: name, dimensions } = body;
  if (typeof name !== "string") throw refusal(400, "you must provide a model parameter");
  const model = Object.hasOwn(models, name) ? models[name] : undefined;
  if (model === undefined)
    throw refusal(
      404,
      `The model \`${name}\` does not exist or you do not have access to it.`,
      "model_not_found",
    );
  if (dimensions === undefined) return { name, length: model.length };
  if (!model.adjustable) throw refusal(400, "This model does not support specifying dimensions.");
  if (typeof dimensions === "number" && Number.isInteger(dimensions) && dimensions >= 1) {
    if (dimensions <= model.length) return { name, length: dimensions };
  }
  throw refusal(
    400,
    `Invalid value for 'dimensions' = ${dimensions}. Must be less than or equal to ${model.length}.`,
  );
}

function readInput(input: unknown): readonly string[] {
  const texts: readonly unknown[] = Array.isArray(input) ? input : [input];
  if (
    texts.length === 0 ||
    texts.length > mostTexts ||
    texts.some((text) => typeof text !== "string" || text === "")
  )
    throw refusal(
      400,
      "'$.input' is invalid. Please check the API reference: https://platform.openai.com/docs/api-reference.",
    );
  return texts as string[]; // every one was looked at
}

function countTokens(text: string): number {
  return Math.max(1, Math.ceil(Buffer.byteLength(text) / 4));
}

function checkTokens(counts: readonly number[]): void {
  const longest = Math.max(...counts);
  if (longest > mostTokensPerText)
    throw refusal(
      400,
      `This model's maximum context length is ${mostTokensPerText} tokens, however you requested ${longest} tokens (${longest} in your prompt; 0 for the completion). Please reduce your prompt; or completion length.`,
    );
  const sum = counts.reduce((total, count) => total + count, 0);
  if (sum > mostTokensPerCall)
    throw refusal(
      400,
      `Requested ${sum} tokens, max ${mostTokensPerCall} tokens per request`,
      "max_tokens_per_request",
    );
}

function readEncoding(format: unknown): (vector: readonly number[]) => unknown {
  if (format === undefined || format === "float") return (vector) => vector;
  if (format === "base64") return toBase64;
  throw refusal(400, `Invalid value: '${format}'. Supported values are: 'float' and 'base64'.`);
}

/** Little-endian 32-bit floats. */
export function toBase64(vector: readonly number[]): string {
  const bytes = Buffer.alloc(vector.length * 4);
  vector.forEach((value, place) => {
    bytes.writeFloatLE(value, place * 4);
  });
  return bytes.toString("base64");
}

function refusal(status: number, message: string, code: string | null = null): VendorRefusal {
  const type = "invalid_request_error";
  return new VendorRefusal(status, { error: { message, type, param: null, code } });
}
