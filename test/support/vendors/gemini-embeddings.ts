/**
 * Google's embedding methods: the Gemini API's `batchEmbedContents` and `embedContent` with a key, and Vertex AI's
 * `predict` and `embedContent` with a token, as "Embeddings" of the one and "Text embeddings API" of the other have
 * them. Tokens are bytes / 4. Vectors that are cut short are not of unit length, as those of gemini-embedding-001.
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
  /** Takes a task in a field; the later ones ignore it. */
  readonly hasTasks: boolean;
  readonly isAdjustable: boolean;
  readonly tokens: number;
  /** Has `predict` on Vertex AI, with that many texts. */
  readonly predicts: number;
}

const models: Readonly<Record<string, Model>> = {
  "gemini-embedding-001": { length: 3072, hasTasks: true, isAdjustable: true, tokens: 2048, predicts: 1 },
  "gemini-embedding-2": { length: 3072, hasTasks: true, isAdjustable: true, tokens: 8192, predicts: 0 },
  "text-embedding-005": { length: 768, hasTasks: true, isAdjustable: true, tokens: 2048, predicts: 250 },
  "embedding-001": { length: 768, hasTasks: false, isAdjustable: false, tokens: 2048, predicts: 0 },
};
const tasks = new Set([
  "RETRIEVAL_QUERY",
  "RETRIEVAL_DOCUMENT",
  "SEMANTIC_SIMILARITY",
  "CLASSIFICATION",
  "CLUSTERING",
  "QUESTION_ANSWERING",
  "FACT_VERIFICATION",
  "CODE_RETRIEVAL_QUERY",
]);

export const vertexProject = "sluice-test";
export const vertexLocation = "us-central1";

export interface GeminiEmbeddingsOptions {
  /** Of the Gemini API. */
  readonly key: string;
  /** Tokens that Vertex AI takes. Default: none. */
  readonly isToken?: (token: string) => boolean;
}

export function startGeminiEmbeddings(options: GeminiEmbeddingsOptions): Promise<VendorServer> {
  return startVendorServer((request, embed) => answer(request, embed, options));
}

/** The part of the path below a version that both APIs share: who, which model, which method. */
const publicPath = /^\/v1(?:beta)?\/models\/([^/:]+):(\w+)$/;
const vertexPath =
  /^\/v1(?:beta1)?\/projects\/([^/]+)\/locations\/([^/]+)\/publishers\/google\/models\/([^/:]+):(\w+)$/;

function answer(request: VendorRequest, embed: Embed, options: GeminiEmbeddingsOptions): VendorReply {
  const [, publicModel, publicMethod] = publicPath.exec(request.path) ?? [];
  if (publicModel !== undefined) {
    checkKey(request, options.key);
    if (publicMethod === "batchEmbedContents") return batch(request, embed, publicModel);
    if (publicMethod === "embedContent") return single(request, embed, publicModel);
  }
  const [, project, location, vertexModel, vertexMethod] = vertexPath.exec(request.path) ?? [];
  if (vertexModel !== undefined) {
    checkToken(request, options);
    if (project !== vertexProject || location !== vertexLocation)
      throw refusal(
        403,
        "PERMISSION_DENIED",
        "Permission 'aiplatform.endpoints.predict' denied on resource.",
      );
    if (vertexMethod === "predict") return predict(request, embed, vertexModel);
    if (vertexMethod === "embedContent") return single(request, embed, vertexModel);
  }
  throw refusal(404, "NOT_FOUND", "Requested entity was not found.");
}

function checkKey({ headers, query }: VendorRequest, key: string): void {
  const given = headers["x-goog-api-key"] ?? query.get("key") ?? undefined;
  if (given === key) return;
  if (given === undefined)
    throw refusal(
      403,
      "PERMISSION_DENIED",
      "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.",
    );
  throw refusal(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", [
    {
      "@type": "type.googleapis.com/google.rpc.ErrorInfo",
      reason: "API_KEY_INVALID",
      domain: "googleapis.com",
    },
  ]);
}

function checkToken({ headers }: VendorRequest, { isToken }: GeminiEmbeddingsOptions): void {
  const [, token] = /^Bearer (.+)$/.exec(headers["authorization"] ?? "") ?? [];
  if (token !== undefined && isToken?.(token)) return;
  throw refusal(
    401,
    "UNAUTHENTICATED",
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.",
  );
}

function batch(request: VendorRequest, embed: Embed, modelId: string): VendorReply {
  const { requests } = readFields(request.json, ["requests"], "");
  if (!Array.isArray(requests) || requests.length === 0)
    throw refusal(400, "INVALID_ARGUMENT", "* BatchEmbedContentsRequest.requests: batch is empty");
  if (requests.length > 100)
    throw refusal(
      400,
      "INVALID_ARGUMENT",
      "* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch\n",
    );
  const asked = requests.map((one: unknown, place) => {
    const at = `BatchEmbedContentsRequest.requests[${place}]`;
    const allowed = ["model", "content", "taskType", "title", "outputDimensionality"];
    const fields = readFields(one, allowed, at);
    if (fields["model"] !== `models/${modelId}`)
      throw refusal(
        400,
        "INVALID_ARGUMENT",
        `* ${at}.model: the model in each request must match the batch's`,
      );
    return readWish(fields, fields, modelOf(modelId));
  });
  const length = asked[0]?.length ?? 0;
  const texts = asked.map(({ text }) => text);
  return {
    status: 200,
    body: { embeddings: vectorsOf(texts, length, modelId, embed).map((values) => ({ values })) },
  };
}

/** Both APIs'; the second takes its options in a block, and the first besides. */
function single(request: VendorRequest, embed: Embed, modelId: string): VendorReply {
  const allowed = ["model", "content", "taskType", "title", "outputDimensionality", "embedContentConfig"];
  const fields = readFields(request.json, allowed, "EmbedContentRequest");
  const block = fields["embedContentConfig"];
  const options = ["taskType", "title", "outputDimensionality", "autoTruncate"];
  const config = block === undefined ? fields : readFields(block, options, "embed_content_config");
  const { text, length } = readWish(fields, config, modelOf(modelId));
  const [values] = vectorsOf([text], length, modelId, embed);
  const { tokens } = modelOf(modelId);
  const promptTokenCount = Math.min(tokens, countTokens(text));
  return {
    status: 200,
    body: {
      embedding: { values },
      usageMetadata: { promptTokenCount },
      truncated: countTokens(text) > tokens,
    },
  };
}

function predict(request: VendorRequest, embed: Embed, modelId: string): VendorReply {
  const model = modelOf(modelId);
  if (model.predicts === 0)
    throw refusal(
      400,
      "FAILED_PRECONDITION",
      `The model ${modelId} does not support predict. Use embedContent.`,
    );
  const { instances, parameters = {} } = readFields(request.json, ["instances", "parameters"], "");
  const { outputDimensionality, autoTruncate } = readFields(
    parameters,
    ["outputDimensionality", "autoTruncate"],
    "parameters",
  );
  if (!Array.isArray(instances) || instances.length === 0)
    throw refusal(400, "INVALID_ARGUMENT", "Empty instances.");
  if (instances.length > model.predicts)
    throw refusal(
      400,
      "INVALID_ARGUMENT",
      `${instances.length} instance(s) is more than the allowed ${model.predicts} instance(s) per prediction: too many inputs.`,
    );
  const texts = instances.map((instance: unknown) => {
    const { content, task_type: task } = readFields(instance, ["content", "title", "task_type"], "instances");
    checkTask(task, model, "task_type");
    if (typeof content !== "string" || content === "")
      throw refusal(400, "INVALID_ARGUMENT", "The text content is empty.");
    return content;
  });
  const counts = texts.map(countTokens);
  const sum = counts.reduce((total, count) => total + count, 0);
  if (sum > 20_000)
    throw refusal(
      400,
      "INVALID_ARGUMENT",
      `Unable to submit request because the input token count is ${sum} but the model supports up to 20000.`,
    );
  if (autoTruncate === false && counts.some((count) => count > model.tokens))
    throw refusal(
      400,
      "INVALID_ARGUMENT",
      `The input token count exceeds the maximum of ${model.tokens} tokens.`,
    );
  const length = readLength(outputDimensionality, model);
  const predictions = vectorsOf(texts, length, modelId, embed).map((values, place) => ({
    embeddings: {
      statistics: {
        truncated: (counts[place] ?? 0) > model.tokens,
        token_count: Math.min(model.tokens, counts[place] ?? 0),
      },
      values,
    },
  }));
  const billableCharacterCount = texts.reduce((total, text) => total + text.replace(/\s/g, "").length, 0);
  return { status: 200, body: { predictions, metadata: { billableCharacterCount } } };
}

type Fields = Readonly<Record<string, unknown>>;

function readFields(value: unknown, allowed: readonly string[], at: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw refusal(400, "INVALID_ARGUMENT", "Invalid JSON payload received.");
  const unknown = Object.keys(value).find((name) => !allowed.includes(name));
  if (unknown !== undefined)
    throw refusal(
      400,
      "INVALID_ARGUMENT",
      `Invalid JSON payload received. Unknown name "${unknown}" at '${at}': Cannot find field.`,
    );
  return value as Fields; // an object that came from JSON.parse
}

function modelOf(id: string): Model {
  const model = Object.hasOwn(models, id) ? models[id] : undefined;
  if (model !== undefined) return model;
  throw refusal(
    404,
    "NOT_FOUND",
    `models/${id} is not found for API version v1beta, or is not supported for embedContent.`,
  );
}

function readWish(fields: Fields, options: Fields, model: Model): { text: string; length: number } {
  const content = readFields(fields["content"], ["parts", "role"], "content");
  const parts: unknown = content["parts"];
  const list = Array.isArray(parts) ? parts : [];
  const texts = list.map((part: unknown) => readFields(part, ["text"], "content.parts")["text"]);
  if (texts.length === 0 || texts.some((text) => typeof text !== "string" || text === ""))
    throw refusal(400, "INVALID_ARGUMENT", "* EmbedContentRequest.content: content is empty");
  checkTask(options["taskType"], model, "taskType");
  return { text: texts.join(""), length: readLength(options["outputDimensionality"], model) };
}

function checkTask(task: unknown, model: Model, field: string): void {
  if (task === undefined) return;
  if (!model.hasTasks)
    throw refusal(
      400,
      "INVALID_ARGUMENT",
      `* EmbedContentRequest.${field}: task_type is not supported by this model`,
    );
  if (typeof task !== "string" || !tasks.has(task))
    throw refusal(400, "INVALID_ARGUMENT", `Invalid value at '${field}' (TYPE_ENUM), "${task}"`);
}

function readLength(dimensions: unknown, model: Model): number {
  if (dimensions === undefined) return model.length;
  if (!model.isAdjustable)
    throw refusal(
      400,
      "INVALID_ARGUMENT",
      "* EmbedContentRequest.output_dimensionality: is not supported by this model",
    );
  if (
    typeof dimensions === "number" &&
    Number.isInteger(dimensions) &&
    dimensions >= 1 &&
    dimensions <= model.length
  )
    return dimensions;
  throw refusal(
    400,
    "INVALID_ARGUMENT",
    `Invalid output_dimensionality ${dimensions}: must be in [1, ${model.length}].`,
  );
}

/** The later models scale what they cut short, the first ones do not. */
function vectorsOf(
  texts: readonly string[],
  length: number,
  modelId: string,
  embed: Embed,
): readonly (readonly number[])[] {
  const isScaled = modelId === "gemini-embedding-2" || length === modelOf(modelId).length;
  return embed(texts, length).map((vector) => (isScaled ? vector : vector.map((value) => value * 0.7)));
}

function countTokens(text: string): number {
  return Math.max(1, Math.ceil(Buffer.byteLength(text) / 4));
}

function refusal(code: number, status: string, message: string, details?: readonly unknown[]): VendorRefusal {
  return new VendorRefusal(code, { error: { code, message, status, ...(details && { details }) } });
}
