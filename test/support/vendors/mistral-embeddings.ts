/**
 * Mistral's embeddings API as published (https://docs.mistral.ai/api/endpoint/embeddings); the texts of its refusals
 * are those its users report. Tokens are bytes / 4, and one that begins each text.
 */
import {
  type Embed,
  startVendorServer,
  VendorRefusal,
  type VendorReply,
  type VendorRequest,
  type VendorServer,
} from "./server.ts";

interface Model {
  readonly length: number;
  /** Longest `output_dimension` it takes; undefined: none. */
  readonly most: number | undefined;
}

const models: Readonly<Record<string, Model>> = {
  "mistral-embed": { length: 1024, most: undefined },
  "codestral-embed": { length: 1536, most: 3072 },
};
const mostTexts = 128;
const mostTokensPerText = 8192;
const mostTokensPerCall = 16_384;
const fields = new Set(["model", "input", "metadata", "output_dimension", "output_dtype", "encoding_format"]);

export function startMistralEmbeddings({ key }: { readonly key: string }): Promise<VendorServer> {
  return startVendorServer((request, embed) => answer(request, embed, key));
}

function answer(request: VendorRequest, embed: Embed, key: string): VendorReply {
  if (request.headers["authorization"] !== `Bearer ${key}`)
    throw new VendorRefusal(401, { detail: "Unauthorized" });
  if (request.path !== "/v1/embeddings") throw new VendorRefusal(404, { detail: "Not Found" });
  if (request.method !== "POST") throw new VendorRefusal(405, { detail: "Method Not Allowed" });
  const body = readBody(request.json);
  const { name, length } = readModel(body);
  const texts = readInput(body["input"]);
  const tokens = checkTokens(texts);
  const data = embed(texts, length).map((embedding, index) => ({ object: "embedding", embedding, index }));
  const usage = { prompt_tokens: tokens, total_tokens: tokens, completion_tokens: 0 };
  return {
    status: 200,
    body: { id: "0f1e2d3c4b5a69788796a5b4c3d2e1f0", object: "list", data, model: name, usage },
  };
}

function readBody(json: unknown): Readonly<Record<string, unknown>> {
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw unprocessable("model_attributes_type", [], "Input should be a valid dictionary", json);
  const body = json as Record<string, unknown>; // it came from JSON.parse
  for (const name of ["model", "input"])
    if (body[name] === undefined) throw unprocessable("missing", [name], "Field required", json);
  for (const [name, value] of Object.entries(body))
    if (!fields.has(name))
      throw unprocessable("extra_forbidden", [name], "Extra inputs are not permitted", value);
  if (!["float", "base64", undefined].includes(body["encoding_format"] as string | undefined))
    // compared only
    throw unprocessable(
      "enum",
      ["encoding_format"],
      "Input should be 'float' or 'base64'",
      body["encoding_format"],
    );
  return body;
}

function readModel(body: Readonly<Record<string, unknown>>): { name: string; length: number } {
  const { model: name, output_dimension: asked } = body;
  const model = typeof name === "string" && Object.hasOwn(models, name) ? models[name] : undefined;
  if (typeof name !== "string" || model === undefined)
    throw refusal(400, `Invalid model: ${name}`, "invalid_model", "1500");
  if (asked === undefined || asked === null) return { name, length: model.length };
  if (typeof asked !== "number" || !Number.isInteger(asked) || asked < 1)
    throw unprocessable("greater_than", ["output_dimension"], "Input should be greater than 0", asked);
  if (model.most === undefined)
    throw refusal(
      400,
      "This model does not support output_dimension.",
      "invalid_request_invalid_args",
      "3051",
    );
  if (asked > model.most)
    throw refusal(
      400,
      `output_dimension must be at most ${model.most}.`,
      "invalid_request_invalid_args",
      "3051",
    );
  return { name, length: asked };
}

function readInput(input: unknown): readonly string[] {
  const texts: readonly unknown[] = Array.isArray(input) ? input : [input];
  const odd = texts.findIndex((text) => typeof text !== "string");
  if (odd !== -1)
    throw unprocessable("string_type", ["input", odd], "Input should be a valid string", texts[odd]);
  if (texts.length === 0 || texts.includes(""))
    throw refusal(400, "Please provide at least one input element.", "invalid_request_prompt", "3210");
  if (texts.length > mostTexts)
    throw refusal(
      400,
      "Too many inputs in request, split into more batches.",
      "invalid_request_prompt",
      "3210",
    );
  return texts as string[]; // every one was looked at
}

function checkTokens(texts: readonly string[]): number {
  const counts = texts.map((text) => 1 + Math.ceil(Buffer.byteLength(text) / 4));
  const long = counts.findIndex((count) => count > mostTokensPerText);
  if (long !== -1) {
    const message = `Input id ${long} has ${counts[long]} tokens, exceeding max ${mostTokensPerText} tokens.`;
    throw refusal(400, message, "invalid_request_prompt", "3210");
  }
  const sum = counts.reduce((total, count) => total + count, 0);
  if (sum > mostTokensPerCall)
    throw refusal(400, "Too many tokens overall, split into more batches.", "invalid_request_prompt", "3210");
  return sum;
}

function refusal(status: number, message: string, type: string, code: string): VendorRefusal {
  return new VendorRefusal(status, { object: "error", message, type, param: null, code });
}

function unprocessable(
  type: string,
  place: readonly (string | number)[],
  msg: string,
  input: unknown,
): VendorRefusal {
  const detail = [{ type, loc: ["body", ...place], msg, input }];
  return new VendorRefusal(422, {
    object: "error",
    message: { detail },
    type: "invalid_request_error",
    param: null,
    code: null,
  });
}
