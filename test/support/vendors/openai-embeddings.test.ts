import OpenAI, { AuthenticationError, BadRequestError, NotFoundError, RateLimitError } from "openai";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { hashVector } from "../fake-embedder.ts";
import { startOpenaiEmbeddings } from "./openai-embeddings.ts";
import type { VendorServer } from "./server.ts";

const model = "text-embedding-3-small";
let server: VendorServer;
let client: OpenAI;

beforeAll(async () => {
  server = await startOpenaiEmbeddings({ key: "sk-right-1234" });
  client = new OpenAI({ apiKey: "sk-right-1234", baseURL: `${server.url}/v1`, maxRetries: 0 });
});
beforeEach(() => server.reset());
afterAll(() => server.close());

const thrown = (promise: Promise<unknown>) => promise.catch((error: unknown) => error);

describe("the fake of OpenAI's embeddings API, asked by OpenAI's own SDK", () => {
  it("answers vectors, in base64 as the SDK asks by default and in JSON", async () => {
    const asked = { model, input: ["hello", "world"], dimensions: 8 };
    const byDefault = await client.embeddings.create(asked);
    const asFloats = await client.embeddings.create({ ...asked, encoding_format: "float" });
    expect(server.requests.map(({ json }) => json)).toMatchObject([
      { encoding_format: "base64" },
      { encoding_format: "float" },
    ]);
    for (const answer of [byDefault, asFloats]) {
      expect(answer.data.map(({ index }) => index)).toEqual([0, 1]);
      expect(Float32Array.from(answer.data[1]?.embedding ?? [])).toEqual(hashVector("world", 8));
      expect(answer.usage).toEqual({ prompt_tokens: 4, total_tokens: 4 });
    }
    const whole = await client.embeddings.create({ model, input: "hello" });
    expect(whole.data[0]?.embedding).toHaveLength(1536);
  });

  it("refuses in the shape the SDK reads", async () => {
    const stranger = new OpenAI({ apiKey: "sk-wrong-9876", baseURL: `${server.url}/v1`, maxRetries: 0 });
    const denied = await thrown(stranger.embeddings.create({ model, input: "a" }));
    expect(denied).toBeInstanceOf(AuthenticationError);
    expect(denied).toMatchObject({ status: 401, code: "invalid_api_key" });
    const unknown = await thrown(client.embeddings.create({ model: "gpt-4o", input: "a" }));
    expect(unknown).toBeInstanceOf(NotFoundError);
    expect(unknown).toMatchObject({ code: "model_not_found" });
    const odd = [
      { model, input: "" },
      { model, input: [] },
      { model, input: ["a", ""] },
      { model, input: Array(2049).fill("a") },
      { model, input: "word ".repeat(8000) },
      { model, input: Array(60).fill("word ".repeat(5000)) },
      { model, input: "a", dimensions: 1537 },
      { model: "text-embedding-ada-002", input: "a", dimensions: 1536 },
    ];
    for (const body of odd)
      expect(await thrown(client.embeddings.create(body))).toBeInstanceOf(BadRequestError);
    const extra = await thrown(client.post("/embeddings", { body: { model, input: "a", truncate: true } }));
    expect(extra).toMatchObject({ status: 400 });
  });

  it("misbehaves when told to", async () => {
    server.misbehave({
      kind: "reply",
      status: 429,
      body: { error: { message: "slow" } },
      headers: { "retry-after": "1" },
    });
    const error = await thrown(client.embeddings.create({ model, input: "a" }));
    expect(error).toBeInstanceOf(RateLimitError);
    server.misbehave({ kind: "bend", bend: () => [[1, Number.NaN]] });
    const bent = await client.embeddings.create({ model, input: "a" });
    expect(bent.data[0]?.embedding).toEqual([1, Number.NaN]);
    for (const kind of ["cut", "slam"] as const) {
      server.misbehave({ kind });
      expect(await thrown(client.embeddings.create({ model, input: "a" }))).toBeInstanceOf(Error);
    }
  });
});
