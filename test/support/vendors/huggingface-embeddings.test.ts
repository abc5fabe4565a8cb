import { InferenceClient } from "@huggingface/inference";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { hashVector } from "../fake-embedder.ts";
import { startHuggingfaceEmbeddings } from "./huggingface-embeddings.ts";
import type { VendorServer } from "./server.ts";

const model = "sentence-transformers/all-MiniLM-L6-v2";
let server: VendorServer;

beforeAll(async () => {
  server = await startHuggingfaceEmbeddings({ key: "hf_right", mostTexts: 4 });
});
beforeEach(() => server.reset());
afterAll(() => server.close());

const url = (id = model) => `${server.url}/hf-inference/models/${id}/pipeline/feature-extraction`;
const client = (endpointUrl: string, key = "hf_right") => new InferenceClient(key, { endpointUrl });
const thrown = (promise: Promise<unknown>) => promise.catch((error: unknown) => error);

describe("the fake of Hugging Face's feature extraction, asked by Hugging Face's own client", () => {
  it("answers one vector a text, hosted and self-hosted", async () => {
    const inputs = ["hello", "world"];
    for (const endpoint of [url(), `${server.url}/embed`]) {
      const answer = await client(endpoint).featureExtraction({ inputs, normalize: true, truncate: true });
      expect(answer).toHaveLength(2);
      expect(Float32Array.from(answer[1] as number[])).toEqual(hashVector("world", 384));
    }
    expect(server.requests[0]?.json).toEqual({ inputs, normalize: true, truncate: true });
  });

  it("stands where the client looks for it behind Hugging Face's router", async () => {
    const asked: string[] = [];
    const rerouted: typeof fetch = async (input, init) => {
      const { hostname, href, pathname } = new URL(String(input));
      asked.push(href);
      if (hostname === "router.huggingface.co") return fetch(`${server.url}${pathname}`, init);
      // The hub, which knows who serves a model.
      const mapping = { status: "live", providerId: model, task: "feature-extraction" };
      return Response.json({ inferenceProviderMapping: { "hf-inference": mapping } });
    };
    const routed = new InferenceClient("hf_right", { fetch: rerouted });
    const answer = await routed.featureExtraction({ provider: "hf-inference", model, inputs: ["hello"] });
    expect(answer[0]).toHaveLength(384);
    expect(asked.at(-1)).toBe(
      `https://router.huggingface.co/hf-inference/models/${model}/pipeline/feature-extraction`,
    );
  });

  it("answers one vector a token for a model that does not pool", async () => {
    const answer = await client(url("google-bert/bert-base-uncased")).featureExtraction({
      inputs: ["hello"],
    });
    expect((answer as number[][][])[0]?.[0]).toHaveLength(768);
  });

  it("refuses in the shape the client reads", async () => {
    const many = thrown(client(url()).featureExtraction({ inputs: Array(5).fill("a") }));
    expect(String(await many)).toContain("batch size 5 > maximum allowed batch size 4");
    const long = thrown(client(url()).featureExtraction({ inputs: ["word ".repeat(500)] }));
    expect(String(await long)).toContain("must have less than 256 tokens");
    const stranger = thrown(client(url(), "hf_wrong").featureExtraction({ inputs: ["a"] }));
    expect(String(await stranger)).toContain("Invalid username or password");
    const unknown = thrown(client(url("none/such")).featureExtraction({ inputs: ["a"] }));
    expect(String(await unknown)).toContain("Model not supported");
  });
});
