import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { failure, signal } from "../../test/support/fake-embeddings-vendor.ts";
import { startHuggingfaceEmbeddings } from "../../test/support/vendors/huggingface-embeddings.ts";
import type { VendorServer } from "../../test/support/vendors/server.ts";
import type { HttpCall } from "../http/http-call.ts";
import { createHttpCaller } from "../http/http-caller.ts";
import { describeEmbedder, describeNetworkEmbedder } from "./embedder.contract.ts";
import type { EmbedderConfig } from "./embedder.ts";
import { huggingface } from "./huggingface.ts";

const key = "hf_RightToken1234";
const auth = { header_name: "Authorization", header_value: `Bearer ${key}` };
const name = "sentence-transformers/all-MiniLM-L6-v2";

describeNetworkEmbedder("huggingface, on a server of Text Embeddings Inference", {
  start: () => startHuggingfaceEmbeddings({ key }),
  create: ({ url, dimensions, services }) => {
    const model = { name, options: { upstream_url: `${url}/embed` } };
    return huggingface.create({ model, auth, dimensions }, services);
  },
  dimensions: 384,
  secret: key,
});

const caller = createHttpCaller();
let server: VendorServer;
let hosts: string[] = [];

beforeAll(async () => {
  server = await startHuggingfaceEmbeddings({ key, mostTexts: 8 });
});
beforeEach(() => {
  server.reset();
  hosts = [];
});
afterAll(async () => {
  await caller.close();
  await server.close();
});

/** The server stands in for Hugging Face's own host. */
const call: HttpCall = (request) => {
  const url = new URL(request.url);
  if (url.hostname !== "router.huggingface.co") return caller.call(request);
  hosts.push(url.origin);
  return caller.call({ ...request, url: `${server.url}${url.pathname}` });
};

function create(config: Partial<EmbedderConfig> = {}) {
  const services = { call, wallClock: () => Date.now(), env: {} };
  return huggingface.create({ model: { name }, auth, ...config }, services);
}

const at = (path: string, more: NonNullable<EmbedderConfig["model"]["options"]> = {}) =>
  create({ model: { name, options: { upstream_url: `${server.url}${path}`, ...more } } });

describeEmbedder("huggingface, hosted", () => create({ dimensions: 384 }));
describeEmbedder("huggingface, on an endpoint with a handler of one's own", () => at("/"));

describe("huggingface", () => {
  it("asks the router for one normalised vector a text, cut to what the model takes", async () => {
    const result = await create().embed(["hello", "word ".repeat(5000)], signal);
    expect(hosts).toEqual(["https://router.huggingface.co"]);
    const [request] = server.requests;
    expect(request?.path).toBe(`/hf-inference/models/${name}/pipeline/feature-extraction`);
    expect(request?.headers).not.toHaveProperty("x-wait-for-model");
    expect(request?.json).toMatchObject({
      inputs: ["hello", expect.any(String)],
      normalize: true,
      truncate: true,
    });
    expect(result).not.toHaveProperty("inputTokens");
  });

  it("passes on whether to use the cache and to wait for the model", async () => {
    await at("/embed", { huggingface: { use_cache: false, wait_for_model: true } }).embed(["a"], signal);
    expect(server.requests[0]?.headers).toMatchObject({ "x-use-cache": "false", "x-wait-for-model": "true" });
  });

  it("waits as long as the model takes to load, by the server's own estimate", async () => {
    const body = { error: `Model ${name} is currently loading`, estimated_time: 20.25 };
    server.misbehave({ kind: "reply", status: 503, body });
    const error = await failure(create().embed(["a"], signal));
    expect(error).toMatchObject({ kind: "vendor", status: 503, isRetryable: true, retryAfterMs: 20_250 });
    expect(error.message).toContain("currently loading");
  });

  it("shows an error that is a list, and not an estimate that is none", async () => {
    const body = { error: ["Error in `inputs`: too short", { odd: true }], estimated_time: "soon" };
    server.misbehave({ kind: "reply", status: 500, body });
    const error = await failure(create().embed(["a"], signal));
    expect(error.message).toMatch(/answered 500: Error in `inputs`: too short$/);
    expect(error.retryAfterMs).toBeUndefined();
  });

  it("sends fewer texts to a server that takes fewer, and remembers", async () => {
    const texts = Array.from({ length: 32 }, (_, i) => `text ${i}`);
    const embedder = at("/embed");
    expect((await embedder.embed(texts, signal)).vectors).toHaveLength(32);
    const sizes = server.requests.map(({ json }) => (json as { inputs: string[] }).inputs.length);
    expect(sizes[0]).toBe(32);
    expect(Math.max(...sizes.slice(1))).toBeLessThanOrEqual(8);
    server.reset();
    await embedder.embed(texts, signal);
    expect(
      Math.max(...server.requests.map(({ json }) => (json as { inputs: string[] }).inputs.length)),
    ).toBeLessThanOrEqual(8);
  });

  it("sends a handler of one's own what it takes, and remembers", async () => {
    const embedder = at("/");
    await embedder.embed(["one"], signal);
    await embedder.embed(["two"], signal);
    expect(server.requests.map(({ json }) => Object.keys(json as object))).toEqual([
      ["inputs", "normalize", "truncate"],
      ["inputs"],
      ["inputs"],
    ]);
  });

  it("says that a model does not pool, instead of routing by it", async () => {
    const unpooled = create({ model: { name: "google-bert/bert-base-uncased" } });
    const error = await failure(unpooled.embed(["hello"], signal));
    expect(error.kind).toBe("invalid");
    expect(error.message).toMatch(/one vector for each token.*choose a model for sentence similarity/);
  });

  it("says what a model of another length has, and that there is no such model", async () => {
    const error = await failure(create({ dimensions: 1024 }).embed(["a"], signal));
    expect(error.message).toContain("set vectordb.dimensions to 384");
    const unknown = await failure(create({ model: { name: "none/such" } }).embed(["a"], signal));
    expect(unknown.message).toMatch(
      /huggingface\/none\/such at router\.huggingface\.co answered 404: Model not supported/,
    );
  });

  it("refuses settings that cannot work, by name", () => {
    expect(() => create({ model: {} })).toThrow("embeddings.model.name");
    expect(() => at("/v1/embeddings")).toThrow("set embeddings.model.provider to openai");
  });
});
