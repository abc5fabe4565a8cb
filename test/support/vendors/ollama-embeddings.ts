/**
 * An Ollama server's `POST /api/embed` as documented (https://docs.ollama.com/api/embed), and its endpoint of OpenAI's
 * shape. Like the server it ignores fields it does not know. Tokens are bytes / 4.
 */
import { toBase64 } from "./openai-embeddings.ts";
import {
  type Embed,
  startVendorServer,
  VendorRefusal,
  type VendorReply,
  type VendorRequest,
  type VendorServer,
} from "./server.ts";

export interface OllamaSettings {
  /** Length of the one model's vectors, `nomic-embed-text`. Default 768. */
  readonly length?: number;
  /** Where a proxy in front of the server wants one. */
  readonly key?: string;
  /**
   * new: honours `dimensions` and `truncate` · refusing: refuses long texts whatever `truncate` says, as 0.13.5 and
   * later may · old: knows no `dimensions`. Default new.
   */
  readonly version?: "new" | "refusing" | "old";
}

export const ollamaModel = "nomic-embed-text";
const mostTokens = 512;

export function startOllamaEmbeddings(settings: OllamaSettings = {}): Promise<VendorServer> {
  return startVendorServer((request, embed) => answer(request, embed, settings));
}

function answer(request: VendorRequest, embed: Embed, settings: OllamaSettings): VendorReply {
  const { key } = settings;
  if (key !== undefined && request.headers["authorization"] !== `Bearer ${key}`)
    throw new VendorRefusal(401, { error: "unauthorized" });
  if (request.method !== "POST") throw new VendorRefusal(405, "405 method not allowed");
  if (request.path === "/api/embed") return embedNatively(request, embed, settings);
  if (request.path === "/v1/embeddings") return embedCompatibly(request, embed, settings);
  throw new VendorRefusal(404, "404 page not found");
}

function embedNatively(request: VendorRequest, embed: Embed, settings: OllamaSettings): VendorReply {
  const refuse = (status: number, error: string) => new VendorRefusal(status, { error });
  const body = readBody(request, refuse);
  const { texts, length, tokens } = readAsked(body, settings, refuse);
  const embeddings = texts.length === 0 ? [] : embed(texts, length);
  return {
    status: 200,
    headers: { "content-type": "application/json; charset=utf-8" },
    body: {
      model: body["model"],
      embeddings,
      total_duration: 14143917,
      load_duration: 1019500,
      prompt_eval_count: tokens,
    },
  };
}

function embedCompatibly(request: VendorRequest, embed: Embed, settings: OllamaSettings): VendorReply {
  const refuse = (status: number, message: string) =>
    new VendorRefusal(status, { error: { message, type: "invalid_request_error", param: null, code: null } });
  const body = readBody(request, refuse);
  const { texts, length, tokens } = readAsked(body, settings, refuse);
  if (texts.length === 0) throw refuse(400, "invalid input");
  const write = body["encoding_format"] === "base64" ? toBase64 : (vector: readonly number[]) => vector;
  const data = embed(texts, length).map((vector, index) => ({
    object: "embedding",
    embedding: write(vector),
    index,
  }));
  const usage = { prompt_tokens: tokens, total_tokens: tokens };
  return { status: 200, body: { object: "list", data, model: body["model"], usage } };
}

type Refuse = (status: number, message: string) => VendorRefusal;

function readBody(request: VendorRequest, refuse: Refuse): Readonly<Record<string, unknown>> {
  if (request.body === "") throw refuse(400, "missing request body");
  if (typeof request.json !== "object" || request.json === null || Array.isArray(request.json))
    throw refuse(400, "json: cannot unmarshal into Go value of type api.EmbedRequest");
  return request.json as Record<string, unknown>; // it came from JSON.parse
}

function readAsked(body: Readonly<Record<string, unknown>>, settings: OllamaSettings, refuse: Refuse) {
  const { version = "new", length: own = 768 } = settings;
  const { model, input, dimensions, truncate } = body;
  const texts: readonly unknown[] = Array.isArray(input) ? input : input ? [input] : [];
  if (texts.some((text) => typeof text !== "string")) throw refuse(400, "invalid input type");
  if (model !== ollamaModel && model !== `${ollamaModel}:latest`)
    throw refuse(404, `model '${model}' not found`);
  const counts = (texts as string[]).map((text) => Math.ceil(Buffer.byteLength(text) / 4)); // looked at above
  const isCut = truncate !== false && version !== "refusing";
  if (!isCut && counts.some((count) => count > mostTokens))
    throw refuse(400, "the input length exceeds the context length");
  const tokens = counts.reduce((sum, count) => sum + Math.min(mostTokens, count), 0);
  const isShorter = version !== "old" && typeof dimensions === "number" && dimensions > 0 && dimensions < own;
  return { texts: texts as string[], length: isShorter ? dimensions : own, tokens };
}
