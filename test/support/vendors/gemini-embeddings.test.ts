import { ApiError, GoogleGenAI } from "@google/genai";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { hashVector } from "../fake-embedder.ts";
import { startGeminiEmbeddings, vertexLocation, vertexProject } from "./gemini-embeddings.ts";
import { type GoogleIdentity, startGoogleIdentity } from "./google-identity.ts";
import type { VendorServer } from "./server.ts";

let identity: GoogleIdentity;
let server: VendorServer;

beforeAll(async () => {
  identity = await startGoogleIdentity();
  server = await startGeminiEmbeddings({
    key: "AIza-right",
    isToken: (token) => identity.issued.includes(token),
  });
  // Where Google's own library looks for the machine's identity, and nowhere else.
  vi.stubEnv("GCE_METADATA_HOST", identity.host);
  vi.stubEnv("METADATA_SERVER_DETECTION", "assume-present");
  vi.stubEnv("GOOGLE_APPLICATION_CREDENTIALS", "");
  vi.stubEnv("GOOGLE_CLOUD_PROJECT", vertexProject);
});
beforeEach(() => server.reset());
afterAll(async () => {
  vi.unstubAllEnvs();
  await server.close();
  await identity.close();
});

const httpOptions = () => ({ baseUrl: server.url });
const publicClient = (apiKey = "AIza-right") => new GoogleGenAI({ apiKey, httpOptions: httpOptions() });
const vertexClient = (project = vertexProject) =>
  new GoogleGenAI({ vertexai: true, project, location: vertexLocation, httpOptions: httpOptions() });
const thrown = (promise: Promise<unknown>) => promise.catch((error: unknown) => error);

describe("the fake of the Gemini API, asked by Google's own SDK", () => {
  it("embeds a batch, with task and dimensions", async () => {
    const config = { taskType: "SEMANTIC_SIMILARITY", outputDimensionality: 8 };
    const model = "gemini-embedding-001";
    const answer = await publicClient().models.embedContent({ model, contents: ["hello", "world"], config });
    expect(server.requests[0]?.path).toBe(`/v1beta/models/${model}:batchEmbedContents`);
    expect(answer.embeddings).toHaveLength(2);
    const direction = answer.embeddings?.[1]?.values?.map((value) => value / 0.7) ?? [];
    expect(Float32Array.from(direction)).toEqual(hashVector("world", 8));
    const whole = await publicClient().models.embedContent({
      model: "gemini-embedding-2",
      contents: "hello",
    });
    expect(whole.embeddings?.[0]?.values).toHaveLength(3072);
  });

  it("refuses in the shape the SDK reads", async () => {
    const ask = (model: string, contents: string[], config = {}) =>
      thrown(publicClient().models.embedContent({ model, contents, config }));
    const model = "gemini-embedding-001";
    expect(await ask("gpt-4o", ["a"])).toMatchObject({ status: 404 });
    const many = await ask(model, Array(101).fill("a"));
    expect(many).toBeInstanceOf(ApiError);
    expect(String(many)).toContain("at most 100 requests can be in one batch");
    expect(await ask(model, ["a"], { outputDimensionality: 3073 })).toMatchObject({ status: 400 });
    expect(await ask(model, ["a"], { taskType: "ROUTING" })).toMatchObject({ status: 400 });
    expect(await ask("embedding-001", ["a"], { outputDimensionality: 64 })).toMatchObject({ status: 400 });
    const stranger = publicClient("AIza-wrong").models.embedContent({ model, contents: "a" });
    expect(String(await thrown(stranger))).toContain("API key not valid");
  });
});

describe("the fake of Vertex AI, asked by Google's own SDK, signed in at the fake metadata service", () => {
  it("predicts, for the models that do", async () => {
    const config = { taskType: "SEMANTIC_SIMILARITY", outputDimensionality: 768, autoTruncate: true };
    const model = "text-embedding-005";
    const answer = await vertexClient().models.embedContent({ model, contents: ["hello", "world"], config });
    expect(server.requests[0]?.path).toMatch(/text-embedding-005:predict$/);
    expect(Float32Array.from(answer.embeddings?.[1]?.values ?? [])).toEqual(hashVector("world", 768));
    expect(answer.embeddings?.[1]?.statistics).toMatchObject({ tokenCount: 2, truncated: false });
    expect(answer.metadata?.billableCharacterCount).toBe(10);
    const two = vertexClient().models.embedContent({ model: "gemini-embedding-001", contents: ["a", "b"] });
    expect(await thrown(two)).toMatchObject({ status: 400 });
  });

  it("embeds one content, for the models that do not predict", async () => {
    const config = { outputDimensionality: 8, autoTruncate: true };
    const model = "gemini-embedding-2";
    const answer = await vertexClient().models.embedContent({ model, contents: "hello", config });
    expect(server.requests[0]?.path).toMatch(/gemini-embedding-2:embedContent$/);
    expect(server.requests[0]?.json).toMatchObject({ embedContentConfig: config });
    expect(Float32Array.from(answer.embeddings?.[0]?.values ?? [])).toEqual(hashVector("hello", 8));
    expect(answer.embeddings?.[0]?.statistics).toMatchObject({ tokenCount: 2 });
  });

  it("refuses another project", async () => {
    const denied = vertexClient("other").models.embedContent({ model: "text-embedding-005", contents: "a" });
    expect(await thrown(denied)).toMatchObject({ status: 403 });
  });
});
