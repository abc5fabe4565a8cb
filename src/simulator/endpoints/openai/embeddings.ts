/** `POST /v1/embeddings`: vectors of the local model in the lengths that OpenAI's models have. */
import type { JsonValue } from "../../../llm/json.ts";
import { type Endpoint, VendorError } from "../../endpoint.ts";
import { countTokens } from "../../text/tokens.ts";
import {
  badParameter,
  checkOpenaiKey,
  openaiErrorBody,
  openaiErrorEvent,
  openaiModel,
  requireModel,
} from "./errors.ts";

interface VectorSize {
  readonly native: number;
  /** Whether the request may ask for fewer. */
  readonly adjustable: boolean;
}

/** https://platform.openai.com/docs/guides/embeddings */
const sizes: Readonly<Record<string, VectorSize>> = {
  "text-embedding-3-small": { native: 1536, adjustable: true },
  "text-embedding-3-large": { native: 3072, adjustable: true },
  "text-embedding-ada-002": { native: 1536, adjustable: false },
};

const maxInputs = 2048;
const maxInputTokens = 8192;
/** For models we know nothing of; longer vectors than any vendor has. */
const maxDimensions = 16_384;

export const openaiEmbeddings: Endpoint = {
  name: "openai-embeddings",
  method: "POST",
  requestIdHeader: "x-request-id",
  serves: (path) => path.endsWith("/embeddings"),
  model: openaiModel,
  errorBody: openaiErrorBody,
  errorEvent: openaiErrorEvent,
  answer({ path, headers, body, behaviour, surroundings }) {
    checkOpenaiKey(headers, surroundings);
    const model = requireModel(path, body);
    const { embed } = surroundings;
    if (embed === undefined) throw noEmbedder(model);
    const counted = readInputs(body["input"]).map((text) => ({ text, tokens: countInput(text) }));
    const dimensions = readDimensions(body["dimensions"], model);
    const write = readEncoding(body["encoding_format"]);
    const tokens = counted.reduce((sum, input) => sum + input.tokens, 0);
    const data = counted.map(({ text }, index) => ({
      object: "embedding",
      index,
      embedding: write(resize(embed(text), dimensions)),
    }));
    const usage =
      behaviour.noUsage === true ? {} : { usage: { prompt_tokens: tokens, total_tokens: tokens } };
    return { kind: "whole", tokens: 0, body: { object: "list", data, model, ...usage } };
  },
};

function noEmbedder(model: string): VendorError {
  const message = `The model '${model}' cannot embed: this simulator was started without an embedder (option "embed").`;
  return new VendorError(404, message, { type: "invalid_request_error", code: "model_not_found" });
}

function readInputs(input: JsonValue | undefined): readonly string[] {
  if (input === undefined)
    throw badParameter("input", "Missing required parameter: 'input'.", "missing_required_parameter");
  const texts: readonly JsonValue[] = Array.isArray(input) ? input : [input as JsonValue]; // Array.isArray does not narrow readonly arrays away
  if (texts.length === 0) throw badParameter("input", "'$.input' is invalid: it must not be an empty array.");
  if (texts.length > maxInputs) {
    throw badParameter(
      "input",
      `'$.input' is invalid: an array of at most ${maxInputs} inputs is accepted, got ${texts.length}.`,
    );
  }
  return texts.map((text, index) => {
    if (typeof text === "string" && text !== "") return text;
    const found =
      text === ""
        ? "an empty string"
        : typeof text === "number" || Array.isArray(text)
          ? "token ids"
          : "no text";
    const hint = found === "token ids" ? " The simulator reads text only: send strings." : "";
    throw badParameter("input", `'$.input' is invalid: input ${index} is ${found}.${hint}`);
  });
}

function countInput(text: string): number {
  const tokens = countTokens(text);
  if (tokens <= maxInputTokens) return tokens;
  throw badParameter(
    "input",
    `This model's maximum context length is ${maxInputTokens} tokens, however you requested ${tokens} tokens. Please reduce your prompt.`,
  );
}

/** Undefined: as long as the embedder's own vectors. */
function readDimensions(value: JsonValue | undefined, model: string): number | undefined {
  const size = Object.hasOwn(sizes, model) ? sizes[model] : undefined;
  if (value === undefined || value === null) return size?.native;
  if (size?.adjustable === false) {
    throw badParameter("dimensions", "This model does not support specifying dimensions.");
  }
  const most = size?.native ?? maxDimensions;
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw badParameter(
    "dimensions",
    `Invalid value for 'dimensions' = ${JSON.stringify(value)}. Must be a whole number from 1 to ${most}.`,
  );
}

function readEncoding(value: JsonValue | undefined): (vector: Float32Array) => JsonValue {
  if (value === undefined || value === null || value === "float") return (vector) => Array.from(vector);
  if (value === "base64") return toBase64;
  throw badParameter(
    "encoding_format",
    `Invalid value for 'encoding_format': '${String(value)}'. Supported values are: 'float' and 'base64'.`,
  );
}

/** Little-endian 32-bit floats, whatever this machine's order is. */
function toBase64(vector: Float32Array): string {
  const bytes = Buffer.alloc(vector.length * 4);
  vector.forEach((value, index) => {
    bytes.writeFloatLE(value, index * 4);
  });
  return bytes.toString("base64");
}

/**
 * Shorter: truncated and made unit-length again, as OpenAI documents for its own models. Longer: padded with zeros,
 * which changes no cosine and no distance.
 */
function resize(vector: Float32Array, dimensions: number | undefined): Float32Array {
  if (dimensions === undefined || dimensions === vector.length) return vector;
  const resized = new Float32Array(dimensions);
  resized.set(vector.subarray(0, dimensions));
  if (dimensions > vector.length) return resized;
  const norm = Math.sqrt(resized.reduce((sum, value) => sum + value * value, 0));
  return norm === 0 ? resized : resized.map((value) => value / norm);
}
