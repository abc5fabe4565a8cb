import { request as httpRequest } from "node:http";
import {
  AccessDeniedException,
  BedrockRuntimeClient,
  type BedrockRuntimeClientConfig,
  BedrockRuntimeServiceException,
  InvokeModelCommand,
  ThrottlingException,
  ValidationException,
} from "@aws-sdk/client-bedrock-runtime";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { hashVector } from "../fake-embedder.ts";
import { refuse, startBedrock } from "./bedrock-embeddings.ts";
import type { VendorServer } from "./server.ts";

const region = "eu-west-1";
const keys = { accessKeyId: "AKIARIGHT", secretAccessKey: "right-secret" };
const temporary = { accessKeyId: "ASIARIGHT", secretAccessKey: "other-secret", sessionToken: "token" };
const lapsed = { ...temporary, accessKeyId: "ASIALAPSED", expiresAtMs: 1 };
let server: VendorServer;

beforeAll(async () => {
  server = await startBedrock({
    region,
    keys: () => [keys, temporary, lapsed],
    apiKey: "right-api-key",
    now: Date.now,
  });
});
beforeEach(() => server.reset());
afterAll(() => server.close());

type Handler = Extract<NonNullable<BedrockRuntimeClientConfig["requestHandler"]>, { handle: unknown }>;

/** The SDK speaks HTTP/2 with this service, the fake HTTP/1.1; nothing else of a call is touched. */
const overHttp1 = {
  handle: (sent: Parameters<Handler["handle"]>[0]) =>
    new Promise((resolve, reject) => {
      const { headers, hostname, method, path, port } = sent;
      const outgoing = httpRequest({ headers, hostname, method, path, port }, (incoming) => {
        const { headers: answered, statusCode } = incoming;
        resolve({ response: { statusCode, headers: answered, body: incoming } });
      });
      outgoing.once("error", reject);
      outgoing.end(sent.body);
    }),
  updateHttpClientConfig: () => undefined,
  httpHandlerConfigs: () => ({}),
} as unknown as Handler; // the part of a handler that the SDK uses

const clientWith = (config: BedrockRuntimeClientConfig = {}) =>
  new BedrockRuntimeClient({
    region,
    endpoint: server.url,
    credentials: keys,
    maxAttempts: 1,
    requestHandler: overHttp1,
    ...config,
  });

async function invoke(modelId: string, body: unknown, client = clientWith(), more = {}) {
  const command = new InvokeModelCommand({
    modelId,
    contentType: "application/json",
    body: JSON.stringify(body),
    ...more,
  });
  const answer = await client.send(command);
  return JSON.parse(new TextDecoder().decode(answer.body));
}

const thrown = (promise: Promise<unknown>) => promise.catch((error: unknown) => error);
const titan = "amazon.titan-embed-text-v2:0";
const arn = `arn:aws:bedrock:${region}::foundation-model/${titan}`;

describe("the fake of Bedrock's embedding models, asked by AWS' own SDK", () => {
  it("accepts the SDK's signatures, by permanent keys, by temporary ones, and its API keys", async () => {
    const clients = [
      clientWith(),
      clientWith({ credentials: temporary }),
      clientWith({ token: { token: "right-api-key" }, authSchemePreference: ["httpBearerAuth"] }),
    ];
    for (const client of clients) {
      for (const model of [titan, arn])
        expect(await invoke(model, { inputText: "hello" }, client)).toMatchObject({ inputTextTokenCount: 1 });
    }
    expect(server.requests.map(({ headers }) => headers["authorization"]?.split(" ")[0])).toEqual([
      "AWS4-HMAC-SHA256",
      "AWS4-HMAC-SHA256",
      "AWS4-HMAC-SHA256",
      "AWS4-HMAC-SHA256",
      "Bearer",
      "Bearer",
    ]);
  });

  it("answers as each model does", async () => {
    const vector = (text: string, length: number) => [...hashVector(text, length)];
    const v1 = await invoke("amazon.titan-embed-text-v1", { inputText: "a b" });
    expect(v1).toEqual({ embedding: expect.any(Array), inputTextTokenCount: 2 });
    expect(v1.embedding).toHaveLength(1536);
    const v2 = await invoke(titan, { inputText: "a", dimensions: 256, normalize: true });
    expect(v2.embedding).toEqual(vector("a", 256));
    expect(v2.embeddingsByType.float).toEqual(v2.embedding);
    const texts = { texts: ["a", "b"], input_type: "clustering" };
    const v3 = await invoke("cohere.embed-multilingual-v3", { ...texts, truncate: "END" });
    expect(v3).toMatchObject({ response_type: "embeddings_floats", texts: ["a", "b"] });
    expect(v3.embeddings[1][0] / 17).toBeCloseTo(vector("b", 1024)[0] ?? 0, 6);
    const v4 = await invoke("eu.cohere.embed-v4:0", {
      ...texts,
      embedding_types: ["float"],
      output_dimension: 512,
    });
    expect(v4.response_type).toBe("embeddings_by_type");
    expect(v4.embeddings.float[0]).toHaveLength(512);
    const nova = await invoke("amazon.nova-2-multimodal-embeddings-v1:0", {
      taskType: "SINGLE_EMBEDDING",
      singleEmbeddingParams: { embeddingPurpose: "CLUSTERING", text: { truncationMode: "END", value: "a" } },
    });
    expect(nova.embeddings).toEqual([{ embeddingType: "TEXT", embedding: expect.any(Array) }]);
    expect(nova.embeddings[0].embedding).toHaveLength(3072);
  });

  it("takes the SDK's latency setting, and no other values than the vendor's", async () => {
    const optimized = { performanceConfigLatency: "optimized" };
    await invoke(titan, { inputText: "a" }, clientWith(), optimized);
    expect(server.requests[0]?.headers).toMatchObject({
      "x-amzn-bedrock-performanceconfig-latency": "optimized",
    });
    const odd = { performanceConfigLatency: "fast" };
    expect(await thrown(invoke(titan, { inputText: "a" }, clientWith(), odd))).toBeInstanceOf(
      ValidationException,
    );
  });

  it("refuses bodies in the shape and words that the SDK reads", async () => {
    const cohere = { texts: ["a"], input_type: "clustering" };
    const bodies: readonly (readonly [string, unknown, string])[] = [
      [titan, { inputText: "" }, "expected minLength: 1, actual: 0"],
      [titan, { inputText: "a", dimensions: 384 }, "#/dimensions: 384 is not a valid enum value"],
      [titan, { inputText: ["a"] }, "expected type: String"],
      [
        titan,
        { inputText: "x".repeat(8193) },
        "400 Bad Request: Too many input tokens. Max input tokens: 8192",
      ],
      ["amazon.titan-embed-text-v1", { inputText: "a", dimensions: 256 }, "extraneous key [dimensions]"],
      ["cohere.embed-english-v3", { inputText: "a" }, "required key [texts] not found"],
      [
        "cohere.embed-english-v3",
        { ...cohere, texts: ["x".repeat(2049)] },
        "#/texts/0: expected maxLength: 2048, actual: 2049",
      ],
      [
        "cohere.embed-english-v3",
        { ...cohere, texts: Array(97).fill("a") },
        "maximum item count: 96, found: 97",
      ],
      [
        "cohere.embed-english-v3",
        { ...cohere, truncate: "RIGHT" },
        "#/truncate: RIGHT is not a valid enum value",
      ],
      ["cohere.embed-v4:0", { ...cohere, truncate: "END" }, "#/truncate: END is not a valid enum value"],
      ["amazon.titan-text-express-v1", { inputText: "a" }, "The provided model identifier is invalid."],
    ];
    for (const [model, body, words] of bodies) {
      const error = await thrown(invoke(model, body));
      expect(error).toBeInstanceOf(ValidationException);
      expect(String(error)).toContain(words);
    }
  });

  it("refuses wrong keys, wrong times and wrong API keys, as the SDK reads them", async () => {
    const late = { systemClockOffset: -6 * 60_000 };
    const cases: readonly (readonly [BedrockRuntimeClientConfig, string, string])[] = [
      [
        { credentials: { ...keys, secretAccessKey: "wrong" } },
        "InvalidSignatureException",
        "does not match the signature",
      ],
      [
        { credentials: { ...keys, accessKeyId: "AKIAOTHER" } },
        "UnrecognizedClientException",
        "token included in the request is invalid",
      ],
      [{ credentials: lapsed }, "ExpiredTokenException", "token included in the request is expired"],
      [
        { region: "us-east-1", endpoint: server.url },
        "InvalidSignatureException",
        "scoped to a valid region",
      ],
      [late, "InvalidSignatureException", "Signature expired:"],
    ];
    for (const [config, name, words] of cases) {
      const error = await thrown(invoke(titan, { inputText: "a" }, clientWith(config)));
      expect(error).toBeInstanceOf(BedrockRuntimeServiceException);
      expect(error).toMatchObject({
        name,
        message: expect.stringContaining(words),
        $metadata: { httpStatusCode: 403 },
      });
    }
    const stranger = clientWith({ token: { token: "wrong" }, authSchemePreference: ["httpBearerAuth"] });
    expect(await thrown(invoke(titan, { inputText: "a" }, stranger))).toBeInstanceOf(AccessDeniedException);
  });

  it("misbehaves when told to", async () => {
    server.misbehave({
      kind: "reply",
      ...refuse(429, "ThrottlingException", "Too many requests, please wait before trying again."),
    });
    expect(await thrown(invoke(titan, { inputText: "a" }))).toBeInstanceOf(ThrottlingException);
    server.misbehave({ kind: "bend", bend: () => [[1, Number.NaN]] });
    expect((await invoke(titan, { inputText: "a", normalize: true })).embedding).toEqual([1, null]);
  });
});
