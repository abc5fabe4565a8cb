/**
 * Amazon Bedrock's InvokeModel call for embedding models, as strict as the vendor's documentation and the messages that
 * users of it report, with signatures checked.
 */
import { checkSignature, type Fault, type Keys } from "./aws-signature.ts";
import {
  type Embed,
  startVendorServer,
  type VendorReply,
  type VendorRequest,
  type VendorServer,
} from "./server.ts";

export interface BedrockOptions {
  readonly region: string;
  /** Keys that may call; asked at each call, as temporary ones come and go. */
  readonly keys: () => readonly Keys[];
  /** A Bedrock API key, which stands in an Authorization header in place of a signature. */
  readonly apiKey?: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

type Json = Readonly<Record<string, unknown>>;

interface Model {
  /** Complaints about a body, in the vendor's words; undefined when it is fine. */
  check(body: Json): string | undefined;
  answer(body: Json, embed: Embed): { readonly json: unknown; readonly tokens: number };
}

const faults: Readonly<Record<Fault, readonly [number, string]>> = {
  missing: [403, "MissingAuthenticationTokenException"],
  incomplete: [403, "IncompleteSignatureException"],
  "unknown-key": [403, "UnrecognizedClientException"],
  "bad-token": [403, "UnrecognizedClientException"],
  "expired-token": [403, "ExpiredTokenException"],
  stale: [403, "InvalidSignatureException"],
  mismatch: [403, "InvalidSignatureException"],
};

export function startBedrock(options: BedrockOptions): Promise<VendorServer> {
  return startVendorServer((request, embed) => answer(request, embed, options));
}

function answer(request: VendorRequest, embed: Embed, options: BedrockOptions): VendorReply {
  const path = /^\/model\/([^/]+)\/invoke$/.exec(request.target);
  if (request.method !== "POST" || path === null) return refuse(404, "UnknownOperationException", "");
  const denied = authenticate(request, options);
  if (denied !== undefined) return denied;
  const model = modelOf(decodeURIComponent(path[1] ?? ""));
  if (model === undefined)
    return refuse(400, "ValidationException", "The provided model identifier is invalid.");
  return invoke(model, request, embed);
}

function authenticate(request: VendorRequest, options: BedrockOptions): VendorReply | undefined {
  const bearer = /^Bearer (.*)$/.exec(request.headers["authorization"] ?? "")?.[1];
  if (bearer !== undefined && bearer === options.apiKey) return undefined;
  if (bearer !== undefined)
    return refuse(
      403,
      "AccessDeniedException",
      "Authentication failed: Please make sure your API Key is valid.",
    );
  const scope = {
    region: options.region,
    service: "bedrock",
    nowMs: options.now(),
    toleranceMs: 5 * 60_000,
  };
  const refusal = checkSignature(request, options.keys(), scope);
  if (refusal === undefined) return undefined;
  const [status, type] = faults[refusal.fault];
  return refuse(status, type, refusal.message);
}

function invoke(model: Model, { body, headers, json }: VendorRequest, embed: Embed): VendorReply {
  if (headers["content-type"] !== "application/json")
    return refuse(
      400,
      "ValidationException",
      "The provided Content Type is invalid or not supported for this model",
    );
  const latency = headers["x-amzn-bedrock-performanceconfig-latency"] ?? "standard";
  if (latency !== "standard" && latency !== "optimized")
    return refuse(
      400,
      "ValidationException",
      `1 validation error detected: Value '${latency}' at 'performanceConfigLatency' failed to satisfy constraint: Member must satisfy enum value set: [standard, optimized]`,
    );
  if (json === undefined) return malformed(`Unable to parse ${body.length} characters`);
  if (typeof json !== "object" || json === null || Array.isArray(json))
    return malformed("#: expected type: JSONObject");
  const complaint = model.check(json as Json); // an object, as was just seen
  if (complaint !== undefined)
    return complaint.startsWith("400 ")
      ? refuse(400, "ValidationException", complaint)
      : malformed(complaint);
  const { json: answer, tokens } = model.answer(json as Json, embed);
  return {
    status: 200,
    headers: {
      "content-type": "application/json",
      "x-amzn-requestid": "0bbc5237-c485-4049-8b87-794cc84c383a",
      "x-amzn-bedrock-invocation-latency": "96",
      "x-amzn-bedrock-input-token-count": String(tokens),
    },
    body: JSON.stringify(answer),
  };
}

export function refuse(status: number, type: string, message: string): VendorReply {
  return {
    status,
    headers: {
      "content-type": "application/json",
      "x-amzn-requestid": "de13b7f8-67fb-4ada-a3cf-9bd40805d05b",
      "x-amzn-errortype": `${type}:http://internal.amazon.com/coral/com.amazon.bedrock/`,
    },
    body: JSON.stringify({ message }),
  };
}

function malformed(complaint: string): VendorReply {
  return refuse(
    400,
    "ValidationException",
    `Malformed input request: ${complaint}, please reformat your input and try again.`,
  );
}

function modelOf(id: string): Model | undefined {
  const bare = id.slice(id.lastIndexOf("/") + 1).replace(/^(?:us|eu|apac|global)\./, "");
  return models.find(([pattern]) => pattern.test(bare))?.[1];
}

/** Words, roughly. */
const count = (text: string) => text.split(/\s+/).length;

/** Where it is not asked to normalise, the vendor's vectors are of any length. */
function scaled(vectors: readonly (readonly number[])[]): readonly (readonly number[])[] {
  return vectors.map((vector) => vector.map((value) => value * 17));
}

function checkKeys(body: Json, required: readonly string[], optional: readonly string[]): string | undefined {
  const missing = required.find((key) => body[key] === undefined);
  if (missing !== undefined) return `#: required key [${missing}] not found`;
  const extra = Object.keys(body).find((key) => !required.includes(key) && !optional.includes(key));
  return extra === undefined ? undefined : `#: extraneous key [${extra}] is not permitted`;
}

function oneOf(body: Json, key: string, allowed: readonly unknown[]): string | undefined {
  const value = body[key];
  return value === undefined || allowed.includes(value)
    ? undefined
    : `#/${key}: ${String(value)} is not a valid enum value`;
}

function checkTitanText(text: unknown): string | undefined {
  if (typeof text !== "string") return "#/inputText: expected type: String";
  if (text === "") return "#/inputText: expected minLength: 1, actual: 0";
  if (text.length > 50_000) return `#/inputText: expected maxLength: 50000, actual: ${text.length}`;
  const tokens = Buffer.byteLength(text);
  return tokens > 8192
    ? `400 Bad Request: Too many input tokens. Max input tokens: 8192, request input token count: ${tokens}`
    : undefined;
}

const titanG1: Model = {
  check: (body) => checkKeys(body, ["inputText"], []) ?? checkTitanText(body["inputText"]),
  answer({ inputText }, embed) {
    const text = String(inputText);
    const embedding = scaled(embed([text], 1536)).flat();
    return { json: { embedding, inputTextTokenCount: count(text) }, tokens: count(text) };
  },
};

const titanV2: Model = {
  check: (body) =>
    checkKeys(body, ["inputText"], ["dimensions", "normalize", "embeddingTypes"]) ??
    oneOf(body, "dimensions", [1024, 512, 256]) ??
    checkTitanText(body["inputText"]),
  answer({ dimensions, inputText, normalize }, embed) {
    const text = String(inputText);
    const vectors = embed([text], Number(dimensions ?? 1024));
    const embedding = (normalize === false ? scaled(vectors) : vectors).flat();
    const json = { embedding, embeddingsByType: { float: embedding }, inputTextTokenCount: count(text) };
    return { json, tokens: count(text) };
  },
};

const inputTypes = ["search_document", "search_query", "classification", "clustering"];

function checkTexts(texts: unknown, maxLength: number): string | undefined {
  if (!Array.isArray(texts)) return "#/texts: expected type: JSONArray";
  if (texts.length > 96) return `#/texts: expected maximum item count: 96, found: ${texts.length}`;
  const long = texts.findIndex((text) => String(text).length > maxLength);
  if (long !== -1)
    return `#/texts/${long}: expected maxLength: ${maxLength}, actual: ${String(texts[long]).length}`;
  const empty = texts.indexOf("");
  return empty === -1 ? undefined : `#/texts/${empty}: expected minLength: 1, actual: 0`;
}

function answerTexts({ embedding_types: types, texts }: Json, dimensions: number, embed: Embed) {
  const list = texts as readonly string[]; // checked before
  const embeddings = scaled(embed(list, dimensions));
  const shape =
    types === undefined
      ? { embeddings, response_type: "embeddings_floats" }
      : { embeddings: { float: embeddings }, response_type: "embeddings_by_type" };
  const tokens = list.reduce((sum, text) => sum + count(text), 0);
  return { json: { id: "3eeb2e13-3d8e-42bb-9cb4-ae57502403c4", texts, ...shape }, tokens };
}

const cohereV3: Model = {
  check: (body) =>
    checkKeys(body, ["texts", "input_type"], ["truncate", "embedding_types"]) ??
    oneOf(body, "input_type", inputTypes) ??
    oneOf(body, "truncate", ["NONE", "START", "END"]) ??
    checkTexts(body["texts"], 2048),
  answer: (body, embed) => answerTexts(body, 1024, embed),
};

const cohereV4: Model = {
  check: (body) =>
    checkKeys(
      body,
      ["texts", "input_type"],
      ["truncate", "embedding_types", "output_dimension", "max_tokens"],
    ) ??
    oneOf(body, "input_type", inputTypes) ??
    oneOf(body, "truncate", ["NONE", "LEFT", "RIGHT"]) ??
    oneOf(body, "output_dimension", [256, 512, 1024, 1536]) ??
    checkTexts(body["texts"], 512_000),
  answer: (body, embed) => answerTexts(body, Number(body["output_dimension"] ?? 1536), embed),
};

const purposes = ["GENERIC_INDEX", "GENERIC_RETRIEVAL", "TEXT_RETRIEVAL", "CLASSIFICATION", "CLUSTERING"];

const asObject = (value: unknown): Json =>
  typeof value === "object" && value !== null ? (value as Json) : {};

const nova: Model = {
  check(body) {
    const parameters = asObject(body["singleEmbeddingParams"]);
    const text = asObject(parameters["text"]);
    const value = String(text["value"] ?? "");
    return (
      checkKeys(body, ["taskType", "singleEmbeddingParams"], ["schemaVersion"]) ??
      oneOf(body, "taskType", ["SINGLE_EMBEDDING"]) ??
      checkKeys(parameters, ["embeddingPurpose", "text"], ["embeddingDimension"]) ??
      oneOf(parameters, "embeddingPurpose", purposes) ??
      oneOf(parameters, "embeddingDimension", [256, 384, 1024, 3072]) ??
      checkKeys(text, ["truncationMode", "value"], []) ??
      oneOf(text, "truncationMode", ["START", "END", "NONE"]) ??
      (value === "" ? "#/singleEmbeddingParams/text/value: expected minLength: 1, actual: 0" : undefined) ??
      (value.length > 50_000
        ? `#/singleEmbeddingParams/text/value: expected maxLength: 50000, actual: ${value.length}`
        : undefined)
    );
  },
  answer(body, embed) {
    const parameters = asObject(body["singleEmbeddingParams"]);
    const value = String(asObject(parameters["text"])["value"]);
    const vectors = scaled(embed([value], Number(parameters["embeddingDimension"] ?? 3072)));
    return {
      json: { embeddings: vectors.map((embedding) => ({ embeddingType: "TEXT", embedding })) },
      tokens: count(value),
    };
  },
};

const models: readonly (readonly [RegExp, Model])[] = [
  [/^amazon\.titan-embed-(?:text-v1|g1-text-02)(?::|$)/, titanG1],
  [/^amazon\.titan-embed-text-v2:0$/, titanV2],
  [/^cohere\.embed-(?:english|multilingual)-v3(?::|$)/, cohereV3],
  [/^cohere\.embed-v4:0$/, cohereV4],
  [/^amazon\.nova-2-multimodal-embeddings-v1:0$/, nova],
];
