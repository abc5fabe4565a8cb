/**
 * Embeddings of Azure OpenAI as its REST reference has them: deployments in the path, the version in the query, a key
 * or a token of Entra ID; below that OpenAI's API. Tokens are bytes / 4, at least one a text.
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

interface Deployment {
  readonly model: string;
  readonly length: number;
  /** Takes `dimensions` up to its length. */
  readonly adjustable: boolean;
  readonly mostTexts: number;
}

/** By name; the service lets an operator call them anything. */
export const deployments: Readonly<Record<string, Deployment>> = {
  "embed-small": { model: "text-embedding-3-small", length: 1536, adjustable: true, mostTexts: 2048 },
  "ada old": { model: "text-embedding-ada-002", length: 1536, adjustable: false, mostTexts: 16 },
};
const versions = ["2022-12-01", "2023-05-15", "2024-02-01", "2024-06-01", "2024-10-21"];
const fields = new Set(["model", "input", "dimensions", "encoding_format", "user", "input_type"]);

export interface AzureEmbeddingsOptions {
  readonly key: string;
  /** Tokens that are good for this service. Default: none. */
  readonly isToken?: (token: string) => boolean;
}

export function startAzureEmbeddings(options: AzureEmbeddingsOptions): Promise<VendorServer> {
  return startVendorServer((request, embed) => answer(request, embed, options));
}

function answer(request: VendorRequest, embed: Embed, options: AzureEmbeddingsOptions): VendorReply {
  const [, name] = /^\/openai\/deployments\/([^/]+)\/embeddings$/.exec(request.path) ?? [];
  const version = request.query.get("api-version") ?? "";
  if (name === undefined || !versions.includes(version)) throw refusal(404, "404", "Resource not found");
  if (request.method !== "POST") throw refusal(405, "405", "Method not allowed");
  checkCredential(request, options);
  const deployment = deployments[decodeURIComponent(name)];
  if (deployment === undefined)
    throw refusal(
      404,
      "DeploymentNotFound",
      "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again.",
    );
  const body = readBody(request);
  const texts = readInput(body["input"], deployment);
  const length = readLength(body["dimensions"], deployment);
  const isBase64 = body["encoding_format"] === "base64";
  const data = embed(texts, length).map((vector, index) => ({
    object: "embedding",
    index,
    embedding: isBase64 ? toBase64(vector) : vector,
  }));
  const tokens = texts.reduce((sum, text) => sum + Math.max(1, Math.ceil(Buffer.byteLength(text) / 4)), 0);
  const usage = { prompt_tokens: tokens, total_tokens: tokens };
  return { status: 200, body: { object: "list", data, model: deployment.model, usage } };
}

function checkCredential({ headers }: VendorRequest, { key, isToken }: AzureEmbeddingsOptions): void {
  const [, token] = /^Bearer (.+)$/.exec(headers["authorization"] ?? "") ?? [];
  if (token !== undefined) {
    if (isToken?.(token)) return;
    throw refusal(
      401,
      "401",
      "Unauthorized. Access token is missing, invalid, audience is incorrect (https://cognitiveservices.azure.com), or have expired.",
    );
  }
  if (headers["api-key"] === key) return;
  throw refusal(
    401,
    "401",
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource.",
  );
}

function readBody({ json }: VendorRequest): Readonly<Record<string, unknown>> {
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw refusal(400, null, "We could not parse the JSON body of your request.");
  const unknown = Object.keys(json).find((name) => !fields.has(name));
  if (unknown !== undefined) throw refusal(400, null, `Unrecognized request argument supplied: ${unknown}`);
  return json as Record<string, unknown>; // an object that came from JSON.parse
}

function readInput(input: unknown, { mostTexts }: Deployment): readonly string[] {
  const texts: readonly unknown[] = Array.isArray(input) ? input : [input];
  if (texts.length === 0 || texts.some((text) => typeof text !== "string" || text === ""))
    throw refusal(400, null, "'$.input' is invalid. Please check the API reference.");
  if (texts.length > mostTexts)
    throw refusal(
      400,
      null,
      `Too many inputs. The max number of inputs is ${mostTexts}. We hope to increase the number of inputs per request soon.`,
    );
  const strings = texts as string[]; // every one was looked at
  const longest = Math.max(...strings.map((text) => Math.ceil(Buffer.byteLength(text) / 4)));
  if (longest > 8192)
    throw refusal(
      400,
      null,
      `This model's maximum context length is 8192 tokens, however you requested ${longest} tokens.`,
    );
  return strings;
}

function readLength(dimensions: unknown, { length, adjustable }: Deployment): number {
  if (dimensions === undefined) return length;
  if (!adjustable) throw refusal(400, null, "This model does not support specifying dimensions.");
  const isInRange = typeof dimensions === "number" && dimensions >= 1 && dimensions <= length;
  if (isInRange) return dimensions;
  throw refusal(400, null, `Invalid value for 'dimensions' = ${dimensions}.`);
}

function refusal(status: number, code: string | null, message: string): VendorRefusal {
  const type = code === null ? { type: "invalid_request_error", param: null } : {};
  return new VendorRefusal(status, { error: { code, message, ...type } });
}
