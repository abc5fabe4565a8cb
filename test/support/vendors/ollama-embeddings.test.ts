import { Ollama } from "ollama";
import OpenAI from "openai";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { hashVector } from "../fake-embedder.ts";
import { ollamaModel as model, startOllamaEmbeddings } from "./ollama-embeddings.ts";
import type { VendorServer } from "./server.ts";

let server: VendorServer;
let client: Ollama;

beforeAll(async () => {
  server = await startOllamaEmbeddings();
  client = new Ollama({ host: server.url });
});
beforeEach(() => server.reset());
afterAll(() => server.close());

const thrown = (promise: Promise<unknown>) => promise.catch((error: unknown) => error);

describe("the fake of an Ollama server, asked by Ollama's own SDK", () => {
  it("answers vectors for a text and for a list", async () => {
    const answer = await client.embed({ model, input: ["hello", "world"] });
    expect(answer.embeddings.map((vector) => Float32Array.from(vector))).toEqual([
      hashVector("hello", 768),
      hashVector("world", 768),
    ]);
    expect(answer).toMatchObject({ model, prompt_eval_count: 4 });
    expect((await client.embed({ model, input: "a", dimensions: 8 })).embeddings[0]).toHaveLength(8);
    expect((await client.embed({ model, input: "a", dimensions: 1000 })).embeddings[0]).toHaveLength(768);
    expect((await client.embed({ model, input: "word ".repeat(5000) })).prompt_eval_count).toBe(512);
    expect((await client.embed({ model, input: "" })).embeddings).toEqual([]);
  });

  it("refuses in the shape the SDK reads", async () => {
    expect(await thrown(client.embed({ model: "gpt-4o", input: "a" }))).toMatchObject({
      status_code: 404,
      error: "model 'gpt-4o' not found",
    });
    const long = client.embed({ model, input: "word ".repeat(5000), truncate: false });
    expect(await thrown(long)).toMatchObject({
      status_code: 400,
      error: "the input length exceeds the context length",
    });
  });

  it("answers OpenAI's SDK as well", async () => {
    const openai = new OpenAI({ apiKey: "none", baseURL: `${server.url}/v1`, maxRetries: 0 });
    const answer = await openai.embeddings.create({ model, input: ["hello", "world"] });
    expect(Float32Array.from(answer.data[1]?.embedding ?? [])).toEqual(hashVector("world", 768));
    expect(await thrown(openai.embeddings.create({ model: "gpt-4o", input: "a" }))).toMatchObject({
      status: 404,
    });
  });
});
