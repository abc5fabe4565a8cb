import { Mistral } from "@mistralai/mistralai";
import { HTTPValidationError, MistralError } from "@mistralai/mistralai/models/errors";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { hashVector } from "../fake-embedder.ts";
import { startMistralEmbeddings } from "./mistral-embeddings.ts";
import type { VendorServer } from "./server.ts";

const model = "mistral-embed";
let server: VendorServer;
let client: Mistral;

beforeAll(async () => {
  server = await startMistralEmbeddings({ key: "right-1234" });
  client = new Mistral({ apiKey: "right-1234", serverURL: server.url });
});
beforeEach(() => server.reset());
afterAll(() => server.close());

const thrown = (promise: Promise<unknown>) => promise.catch((error: unknown) => error);

describe("the fake of Mistral's embeddings API, asked by Mistral's own SDK", () => {
  it("answers vectors for a text and for a list", async () => {
    const answer = await client.embeddings.create({ model, inputs: ["hello", "world"] });
    expect(server.requests[0]?.json).toEqual({ model, input: ["hello", "world"] });
    expect(answer.data.map(({ index }) => index)).toEqual([0, 1]);
    expect(Float32Array.from(answer.data[1]?.embedding ?? [])).toEqual(hashVector("world", 1024));
    expect(answer.usage).toMatchObject({ promptTokens: 6, totalTokens: 6 });
    const short = await client.embeddings.create({
      model: "codestral-embed",
      inputs: "a",
      outputDimension: 8,
    });
    expect(short.data[0]?.embedding).toHaveLength(8);
  });

  it("refuses in the shapes the SDK reads", async () => {
    const stranger = new Mistral({ apiKey: "wrong", serverURL: server.url });
    const denied = await thrown(stranger.embeddings.create({ model, inputs: "a" }));
    expect(denied).toBeInstanceOf(MistralError);
    expect(denied).toMatchObject({ statusCode: 401, body: '{"detail":"Unauthorized"}' });
    const odd = [
      { model: "gpt-4o", inputs: "a" },
      { model, inputs: [] },
      { model, inputs: Array(129).fill("a") },
      { model, inputs: "word ".repeat(8000) },
      { model, inputs: Array(3).fill("word ".repeat(5000)) },
      { model, inputs: "a", outputDimension: 1024 },
      { model: "codestral-embed", inputs: "a", outputDimension: 3073 },
    ];
    for (const request of odd)
      expect(await thrown(client.embeddings.create(request))).toMatchObject({ statusCode: 400 });
    const invalid = await thrown(client.embeddings.create({ model, inputs: "a", outputDimension: 0 }));
    expect(invalid).toBeInstanceOf(HTTPValidationError);
  });
});
