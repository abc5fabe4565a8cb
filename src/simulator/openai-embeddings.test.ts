import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Simulator, startSimulator } from "./simulator.ts";

let simulator: Simulator;
let client: OpenAI;

beforeAll(async () => {
  simulator = await startSimulator({ now: () => 0, apiKey: "sk-right", embed: fakeEmbed });
  client = new OpenAI({ apiKey: "sk-right", baseURL: `${simulator.url}/v1`, maxRetries: 0 });
});
afterAll(() => simulator.close());

/** A unit vector of four numbers that tells texts apart. */
function fakeEmbed(text: string): Float32Array {
  const vector = [3, 4, text.length % 7, text.charCodeAt(0) % 5];
  const norm = Math.hypot(...vector);
  return Float32Array.from(vector, (value) => value / norm);
}

describe("embeddings", () => {
  it("have the model's length, padded with zeros", async () => {
    const answer = await client.embeddings.create({
      model: "text-embedding-3-small",
      input: ["one", "three"],
    });
    expect(answer.data.map(({ index, embedding }) => [index, embedding.length])).toEqual([
      [0, 1536],
      [1, 1536],
    ]);
    expect([...Float32Array.from(answer.data[1]?.embedding.slice(0, 4) ?? [])]).toEqual([
      ...fakeEmbed("three"),
    ]);
    expect(answer.data[0]?.embedding.slice(4).every((value) => value === 0)).toBe(true);
    expect(answer.usage).toEqual({ prompt_tokens: 2, total_tokens: 2 });
  });

  it.each([
    ["text-embedding-3-large", undefined, 3072],
    ["text-embedding-ada-002", undefined, 1536],
    ["text-embedding-3-small", 1024, 1024],
    ["some-model", undefined, 4],
    ["some-model", 8, 8],
  ])("of %s with dimensions %s are %d long", async (model, dimensions, length) => {
    const asked = dimensions === undefined ? {} : { dimensions };
    const answer = await client.embeddings.create({
      model,
      input: "one",
      encoding_format: "float",
      ...asked,
    });
    expect(answer.data[0]?.embedding).toHaveLength(length);
  });

  it("are unit vectors when they are cut short", async () => {
    const answer = await client.embeddings.create({
      model: "text-embedding-3-small",
      input: "one",
      dimensions: 2,
    });
    expect(answer.data[0]?.embedding.map((value) => Math.round(value * 1e6) / 1e6)).toEqual([0.6, 0.8]);
  });

  it("are the same in both encodings", async () => {
    const ask = (format: "float" | "base64") =>
      client.post("/embeddings", {
        body: { model: "text-embedding-3-small", input: "one", dimensions: 3, encoding_format: format },
      });
    const [floats, base64] = (await Promise.all([ask("float"), ask("base64")])) as {
      data: { embedding: number[] | string }[];
    }[];
    const bytes = Buffer.from(String(base64?.data[0]?.embedding), "base64");
    expect([0, 4, 8].map((offset) => bytes.readFloatLE(offset))).toEqual(floats?.data[0]?.embedding);
  });

  it.each([
    ["no input", { input: undefined }, /Missing required parameter: 'input'/],
    ["an empty input", { input: "" }, /empty string/],
    ["an empty list", { input: [] }, /empty array/],
    ["an empty text in a list", { input: ["a", ""] }, /input 1 is an empty string/],
    ["token ids", { input: [[1, 2]] }, /token ids.*send strings/],
    ["too many inputs", { input: Array.from({ length: 2049 }, () => "a") }, /at most 2048 inputs.*got 2049/],
    ["too long an input", { input: "word ".repeat(8200) }, /maximum context length is 8192 tokens/],
    [
      "dimensions of ada",
      { model: "text-embedding-ada-002", dimensions: 8 },
      /does not support specifying dimensions/,
    ],
    ["too many dimensions", { dimensions: 1537 }, /from 1 to 1536/],
    ["no dimensions", { dimensions: 0 }, /from 1 to 1536/],
    ["an unknown encoding", { encoding_format: "hex" }, /'hex'/],
  ])("refuse %s with the vendor's 400", async (_, changes, message) => {
    const body = { model: "text-embedding-3-small", input: "one", ...changes };
    const answer = client.post("/embeddings", { body });
    await expect(answer).rejects.toMatchObject({
      status: 400,
      type: "invalid_request_error",
      message: expect.stringMatching(message),
    });
  });

  it("are refused without an embedder", async () => {
    const bare = await startSimulator({ now: () => 0 });
    const other = new OpenAI({ apiKey: "any", baseURL: `${bare.url}/v1`, maxRetries: 0 });
    const answer = other.embeddings.create({ model: "text-embedding-3-small", input: "one" });
    await expect(answer).rejects.toMatchObject({
      status: 404,
      message: expect.stringContaining("without an embedder"),
    });
    await bare.close();
  });
});

describe("models", () => {
  it("are listed and found", async () => {
    const names = (await client.models.list()).data.map(({ id }) => id);
    expect(names).toContain("gpt-4o-mini");
    expect((await client.models.retrieve("gpt-4o")).id).toBe("gpt-4o");
    await expect(client.models.retrieve("nobody")).rejects.toMatchObject({
      status: 404,
      code: "model_not_found",
    });
  });

  it("are not written to", async () => {
    await expect(client.post("/models", { body: {} })).rejects.toMatchObject({ status: 405 });
    await expect(client.post("/nowhere", { body: {} })).rejects.toMatchObject({ status: 404 });
  });
});
