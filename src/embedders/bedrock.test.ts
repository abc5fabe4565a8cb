import { describe, expect, it } from "vitest";
import { failure } from "../../test/support/fake-embeddings-vendor.ts";
import {
  auth,
  aws,
  type CreateOptions,
  keys,
  region,
  titan,
  useBedrock,
} from "../../test/support/vendors/bedrock-case.ts";
import { refuse, startBedrock } from "../../test/support/vendors/bedrock-embeddings.ts";
import { dot } from "../util/vector.ts";
import { bedrock } from "./bedrock.ts";
import { describeEmbedder, describeNetworkEmbedder } from "./embedder.contract.ts";
import type { EmbedderServices } from "./embedder.ts";

for (const [name, dimensions] of [
  [titan, 256],
  ["eu.cohere.embed-v4:0", 512],
] as const) {
  describeNetworkEmbedder(`bedrock, ${name}`, {
    start: () => startBedrock({ region, keys: () => [keys], now: Date.now }),
    create: ({ url, dimensions: asked, services }) =>
      bedrock.create(
        { model: { name, options: { upstream_url: url, bedrock: aws } }, auth, dimensions: asked },
        services,
      ),
    dimensions,
    secret: keys.secretAccessKey,
  });
}

const vendor = useBedrock();
const { signal } = new AbortController();

for (const name of [
  "amazon.titan-embed-text-v1",
  "amazon.titan-embed-g1-text-02",
  "cohere.embed-english-v3",
  "cohere.embed-multilingual-v3",
  "us.amazon.nova-2-multimodal-embeddings-v1:0",
  `arn:aws:bedrock:${region}::foundation-model/${titan}`,
]) {
  describeEmbedder(`bedrock, ${name}`, () => vendor.create(name));
}

describe("what bedrock sends", () => {
  async function sent(name: string, more: CreateOptions = {}) {
    vendor.server.reset();
    const { inputTokens, vectors } = await vendor.create(name, more).embed(["one", "two words"], signal);
    const length = more.dimensions ?? vectors[0]?.length;
    expect(vectors.map((vector) => vector.length)).toEqual([length, length]);
    return { bodies: vendor.bodies, inputTokens };
  }

  it("is one text a call for Titan and Nova, with the tokens that the vendor counts", async () => {
    expect(await sent("amazon.titan-embed-text-v1")).toEqual({
      bodies: [{ inputText: "one" }, { inputText: "two words" }],
      inputTokens: 3,
    });
    expect(await sent(titan, { dimensions: 512 })).toEqual({
      bodies: ["one", "two words"].map((inputText) => ({ inputText, dimensions: 512, normalize: false })),
      inputTokens: 3,
    });
    const nova = await sent("amazon.nova-2-multimodal-embeddings-v1:0", { dimensions: 384 });
    const parameters = (value: string) => ({
      embeddingPurpose: "CLUSTERING",
      embeddingDimension: 384,
      text: { truncationMode: "END", value },
    });
    expect(nova).toEqual({
      bodies: ["one", "two words"].map((value) => ({
        schemaVersion: "nova-multimodal-embed-v1",
        taskType: "SINGLE_EMBEDDING",
        singleEmbeddingParams: parameters(value),
      })),
      inputTokens: 3,
    });
  });

  it("is a list for Cohere, with the tokens of the answer's header", async () => {
    const texts = ["one", "two words"];
    expect(await sent("cohere.embed-english-v3", { dimensions: 1024 })).toEqual({
      bodies: [{ texts, input_type: "clustering", truncate: "END" }],
      inputTokens: 3,
    });
    const v4 = { texts, input_type: "clustering", truncate: "RIGHT", embedding_types: ["float"] };
    expect(await sent("cohere.embed-v4:0", { dimensions: 256 })).toEqual({
      bodies: [{ ...v4, output_dimension: 256 }],
      inputTokens: 3,
    });
  });

  it("asks to normalise where the config does, and leaves out what the config leaves out", async () => {
    await sent(titan, { options: { bedrock: { ...aws, embeddings_normalize: true } } });
    expect(vendor.bodies[0]).toEqual({ inputText: "one", normalize: true });
  });

  it("goes to the region's own host, with the model's id in the path", async () => {
    const urls: string[] = [];
    const call: EmbedderServices["call"] = async ({ url }) => {
      urls.push(url);
      return { status: 200, headers: {}, body: JSON.stringify({ embedding: Array(1024).fill(1) }) };
    };
    for (const [aws_region, name] of [
      ["us-east-1", titan],
      ["cn-north-1", `arn:aws-cn:bedrock:cn-north-1::foundation-model/${titan}`],
    ] as const) {
      const config = { model: { name, options: { bedrock: { ...aws, aws_region } } }, auth };
      await bedrock.create(config, { call, wallClock: Date.now, env: {} }).embed(["a"], signal);
    }
    expect(urls).toEqual([
      "https://bedrock-runtime.us-east-1.amazonaws.com/model/amazon.titan-embed-text-v2%3A0/invoke",
      "https://bedrock-runtime.cn-north-1.amazonaws.com.cn/model/arn%3Aaws-cn%3Abedrock%3Acn-north-1%3A%3Afoundation-model%2Famazon.titan-embed-text-v2%3A0/invoke",
    ]);
  });

  it("goes to the whole upstream_url where it has a path", async () => {
    const upstream_url = `${vendor.server.url}/model/${encodeURIComponent(titan)}/invoke`;
    await vendor.create("amazon.titan-embed-text-v2", { options: { upstream_url } }).embed(["a"], signal);
    expect(vendor.server.requests[0]?.target).toBe("/model/amazon.titan-embed-text-v2%3A0/invoke");
  });

  it("carries the latency setting", async () => {
    const asking = (performance_config_latency: string) =>
      vendor.create(titan, { options: { bedrock: { ...aws, performance_config_latency } } });
    await asking("optimized").embed(["a"], signal);
    const { headers } = vendor.server.requests[0] ?? {};
    expect(headers?.["x-amzn-bedrock-performanceconfig-latency"]).toBe("optimized");
    const error = await failure(asking("fast").embed(["a"], signal));
    expect(error.message).toContain("[standard, optimized]");
  });

  it("is never longer than a model takes", async () => {
    for (const [name, bytes] of [
      [titan, 8192],
      ["cohere.embed-english-v3", 2048],
      ["cohere.embed-v4:0", 8192],
    ] as const) {
      await vendor.create(name).embed(["é".repeat(60_000)], signal);
      const text = /é+/.exec(vendor.server.requests.at(-1)?.body ?? "")?.[0] ?? "";
      expect(Buffer.byteLength(text)).toBe(bytes);
    }
  });

  it("is never more texts than a model takes", async () => {
    const many = Array.from({ length: 200 }, (_, index) => `text ${index}`);
    await vendor.create("cohere.embed-english-v3").embed(many, signal);
    const counts = vendor.bodies.map((body) => (body as { texts: readonly string[] }).texts.length);
    expect(counts.sort((a, b) => a - b)).toEqual([8, 96, 96]);
    vendor.server.reset();
    await vendor.create(titan).embed(many.slice(0, 12), signal);
    expect(vendor.bodies).toHaveLength(12);
    expect(vendor.server.mostAtOnce).toBeLessThanOrEqual(4);
  });

  it.each([
    "400 Bad Request: Too many input tokens. Max input tokens: 512, request input token count: 900",
    "Malformed input request: #/inputText: expected maxLength: 512, actual: 900, please reformat your input and try again.",
  ])("is shorter once the vendor has said: %s", async (message) => {
    vendor.server.misbehave({ kind: "reply", ...refuse(400, "ValidationException", message) });
    const error = await failure(vendor.create(titan).embed(["x".repeat(9000)], signal));
    expect(error.status).toBe(400);
    const lengths = vendor.bodies.map((body) => (body as { inputText: string }).inputText.length);
    expect(lengths).toEqual([8192, 2048, 512, 128]);
  });
});

describe("a config of bedrock", () => {
  it("names a model that is supported, or is told which are", () => {
    for (const name of [
      "amazon.titan-embed-text-v3:0",
      "anthropic.claude-3-haiku-20240307-v1:0",
      "xcohere.embed-v4:0",
      "cohere.embed-v40",
      `arn:aws:bedrock:${region}:123456789012:application-inference-profile/a1b2c3`,
    ]) {
      expect(() => vendor.create(name), name).toThrow(
        `embeddings.model.name: "${name}" is not an embedding model that is supported on Bedrock; supported are ` +
          "amazon.titan-embed-text-v1, amazon.titan-embed-g1-text-02, amazon.titan-embed-text-v2, " +
          "cohere.embed-english-v3, cohere.embed-multilingual-v3, cohere.embed-v4, amazon.nova-2-multimodal-embeddings-v1",
      );
    }
    for (const name of [
      "amazon.titan-embed-text-v2:0:8k",
      "us-gov.amazon.titan-embed-text-v2:0",
      "arn:aws:bedrock:eu-west-1:1:inference-profile/global.cohere.embed-v4:0",
    ])
      expect(() => vendor.create(name), name).not.toThrow();
    expect(() => vendor.create("")).toThrow("embeddings.model.name is missing");
  });

  it("asks for a length that the model has, or is told which those are", () => {
    const asking = (name: string, dimensions: number) => () => vendor.create(name, { dimensions });
    expect(asking("amazon.titan-embed-text-v1", 1024)).toThrow(
      "amazon.titan-embed-text-v1 answers vectors of 1536 numbers, not of 1024: set vectordb.dimensions to that, or choose another model",
    );
    expect(asking(titan, 1536)).toThrow(
      "answers vectors of 256 or 512 or 1024 numbers, not of 1536: set vectordb.dimensions to one of these",
    );
    expect(asking("cohere.embed-english-v3", 384)).toThrow("of 1024 numbers");
    expect(asking("cohere.embed-v4:0", 384)).toThrow("256 or 512 or 1024 or 1536");
    expect(asking("amazon.nova-2-multimodal-embeddings-v1:0", 512)).toThrow("256 or 384 or 1024 or 3072");
  });

  it("names a region", () => {
    expect(() => vendor.create(titan, { options: { bedrock: undefined } })).toThrow(
      "set aws_region, or AWS_REGION",
    );
  });
});

describe("vectors of bedrock", () => {
  it("have unit length, asked to be normalised or not, and point the same way", async () => {
    const vectorOf = async (embeddings_normalize: boolean) => {
      const embedder = vendor.create(titan, { options: { bedrock: { ...aws, embeddings_normalize } } });
      return (await embedder.embed(["a"], signal)).vectors[0] ?? new Float32Array();
    };
    const [plain, normalized] = [await vectorOf(false), await vectorOf(true)];
    expect(dot(plain, plain)).toBeCloseTo(1, 5);
    expect(dot(plain, normalized)).toBeCloseTo(1, 5);
  });
});
