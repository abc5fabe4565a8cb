import { describe, expect, it } from "vitest";
import { failure, fakeVendor, type SentBody, signal } from "../../test/support/fake-embeddings-vendor.ts";
import { startMistralEmbeddings } from "../../test/support/vendors/mistral-embeddings.ts";
import { describeNetworkEmbedder } from "./embedder.contract.ts";
import type { EmbedderConfig } from "./embedder.ts";
import { mistral } from "./mistral.ts";

const secret = "right-1234";
const auth = { header_name: "Authorization", header_value: `Bearer ${secret}` };
const at = (url: string, name: string, dimensions?: number): EmbedderConfig => ({
  model: { name, options: { upstream_url: `${url}/v1/embeddings` } },
  auth,
  dimensions,
});

describeNetworkEmbedder("mistral, of one length", {
  start: () => startMistralEmbeddings({ key: secret }),
  create: ({ url, dimensions, services }) => mistral.create(at(url, "mistral-embed", dimensions), services),
  dimensions: 1024,
  secret,
});

describeNetworkEmbedder("mistral, of any length", {
  start: () => startMistralEmbeddings({ key: secret }),
  create: ({ url, dimensions, services }) => mistral.create(at(url, "codestral-embed", dimensions), services),
  dimensions: 64,
  secret,
});

describe("what mistral sends", () => {
  const sentFor = async (name: string, dimensions?: number) => {
    const vendor = fakeVendor({ native: dimensions ?? 8, answersFloats: true });
    const upstream_url = "https://mistral.test/v1/embeddings";
    const options = { upstream_url };
    await mistral.create({ model: { name, options }, dimensions }, vendor).embed(["hello", "world"], signal);
    return vendor.bodies;
  };

  it("asks the vendor's endpoint for JSON, with the texts in a list", async () => {
    const vendor = fakeVendor({ native: 1024, answersFloats: true });
    const embedder = mistral.create({ model: { name: "mistral-embed" }, auth }, vendor);
    expect(embedder.dimensions).toBe(1024);
    expect((await embedder.embed(["hello", "world"], signal)).inputTokens).toBe(6);
    expect(vendor.requests[0]?.url).toBe("https://api.mistral.ai/v1/embeddings");
    expect(vendor.requests[0]?.headers).toMatchObject({ authorization: `Bearer ${secret}` });
    expect(vendor.bodies).toEqual([{ model: "mistral-embed", input: ["hello", "world"] }]);
  });

  it("asks for a length where the model has more than one", async () => {
    expect((await sentFor("codestral-embed-2505", 256))[0]).toMatchObject({ output_dimension: 256 });
    expect((await sentFor("codestral-embed"))[0]).not.toHaveProperty("output_dimension");
    expect((await sentFor("mistral-embed-2312", 1024))[0]).not.toHaveProperty("output_dimension");
    expect((await sentFor("some-new-embed", 512))[0]).toMatchObject({ output_dimension: 512 });
  });

  it("goes without a length that an unknown model refuses", async () => {
    const refuse = (body: SentBody) =>
      body["output_dimension"] === undefined
        ? undefined
        : { status: 400, body: { message: "This model does not support output_dimension." } };
    const vendor = fakeVendor({ native: 512, answersFloats: true, refuse });
    const config = { model: { name: "new-embed" }, dimensions: 512 };
    const embedder = mistral.create(config, vendor);
    expect((await embedder.embed(["a"], signal)).vectors[0]).toHaveLength(512);
    await embedder.embed(["b"], signal);
    expect(vendor.bodies.map((body) => body["output_dimension"])).toEqual([512, undefined, undefined]);
  });

  it("refuses another length than mistral-embed's, and says what to set", async () => {
    const vendor = fakeVendor({ native: 1024, answersFloats: true });
    const error = await failure(
      mistral.create({ model: { name: "mistral-embed" }, dimensions: 1536 }, vendor).embed(["a"], signal),
    );
    expect(error.message).toContain("set vectordb.dimensions to 1024");
  });

  it("says what is missing", () => {
    expect(() => mistral.create({ model: {} }, fakeVendor())).toThrow(
      /embeddings\.model\.name.*mistral-embed/,
    );
  });
});
