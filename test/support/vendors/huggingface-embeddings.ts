/**
 * Feature extraction as Hugging Face's inference API has it (`/hf-inference/models/{model}/pipeline/feature-extraction`),
 * as a server of Text Embeddings Inference (`/embed`), and as an Inference Endpoint with a handler of one's own (`/`).
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
  readonly tokens: number;
  /** Answers one vector a token instead of one a text. */
  readonly isUnpooled?: boolean;
}

const models: Readonly<Record<string, Model>> = {
  "sentence-transformers/all-MiniLM-L6-v2": { length: 384, tokens: 256 },
  "google-bert/bert-base-uncased": { length: 768, tokens: 512, isUnpooled: true },
};
const served: Model = { length: 384, tokens: 512 };

export interface HuggingfaceEmbeddingsOptions {
  readonly key: string;
  /** `--max-client-batch-size`. Default 32. */
  readonly mostTexts?: number;
}

export function startHuggingfaceEmbeddings(options: HuggingfaceEmbeddingsOptions): Promise<VendorServer> {
  return startVendorServer((request, embed) => answer(request, embed, options));
}

function answer(request: VendorRequest, embed: Embed, options: HuggingfaceEmbeddingsOptions): VendorReply {
  if (request.headers["authorization"] !== `Bearer ${options.key}`)
    throw new VendorRefusal(401, { error: "Invalid username or password." });
  if (request.path === "/embed") return inference(request, embed, served, options);
  if (request.path === "/") return ownHandler(request, embed);
  const [, id = ""] = /^\/hf-inference\/models\/(.+)\/pipeline\/feature-extraction$/.exec(request.path) ?? [];
  const model = models[id];
  if (model === undefined)
    throw new VendorRefusal(404, { error: "Model not supported by provider hf-inference" });
  if (request.method !== "POST") throw new VendorRefusal(405, "Method Not Allowed");
  return inference(request, embed, model, options);
}

/** Both hosted and self-hosted. Fields that the server does not know are passed by. */
function inference(
  request: VendorRequest,
  embed: Embed,
  model: Model,
  { mostTexts = 32 }: HuggingfaceEmbeddingsOptions,
): VendorReply {
  if (request.headers["content-type"] !== "application/json")
    throw new VendorRefusal(415, "Expected request with `Content-Type: application/json`");
  const { inputs, truncate = false } = readBody(request);
  const texts = readTexts(inputs);
  if (texts.length > mostTexts)
    throw refusal(413, `batch size ${texts.length} > maximum allowed batch size ${mostTexts}`, "Validation");
  const longest = Math.max(...texts.map((text) => Math.ceil(Buffer.byteLength(text) / 4)));
  if (truncate !== true && longest > model.tokens)
    throw refusal(
      413,
      `Input validation error: \`inputs\` must have less than ${model.tokens} tokens. Given: ${longest}`,
      "Validation",
    );
  const vectors = embed(texts, model.length);
  return {
    status: 200,
    body: model.isUnpooled ? vectors.map((vector) => [vector, vector, vector]) : vectors,
  };
}

/** `EndpointHandler.__call__` of an example in the toolkit: takes inputs alone. */
function ownHandler(request: VendorRequest, embed: Embed): VendorReply {
  const body = readBody(request);
  const unknown = Object.keys(body).find((name) => name !== "inputs");
  if (unknown !== undefined)
    throw new VendorRefusal(400, { error: `__call__() got an unexpected keyword argument '${unknown}'` });
  return { status: 200, body: { embeddings: embed(readTexts(body["inputs"]), served.length) } };
}

function readBody({ json }: VendorRequest): Readonly<Record<string, unknown>> {
  if (typeof json === "object" && json !== null && !Array.isArray(json))
    return json as Record<string, unknown>; // came from JSON.parse
  throw refusal(422, "Failed to deserialize the JSON body into the target type", "Validation");
}

function readTexts(inputs: unknown): readonly string[] {
  const texts: readonly unknown[] = Array.isArray(inputs) ? inputs : [inputs];
  if (texts.length === 0) throw refusal(400, "`inputs` cannot be empty", "Empty");
  if (texts.some((text) => typeof text !== "string" || text === ""))
    throw refusal(400, "`inputs` cannot be empty", "Empty");
  return texts as string[]; // every one was looked at
}

function refusal(status: number, error: string, type: string): VendorRefusal {
  return new VendorRefusal(status, { error, error_type: type });
}
