import { describe, expect, it } from "vitest";
import {
  compatible,
  failure,
  fakeVendor,
  type SentBody,
  signal,
  small,
} from "../../test/support/fake-embeddings-vendor.ts";
import { startOpenaiEmbeddings } from "../../test/support/vendors/openai-embeddings.ts";
import { describeEmbedder, describeNetworkEmbedder } from "./embedder.contract.ts";
import type { EmbedderConfig } from "./embedder.ts";
import { openai } from "./openai.ts";
import type { EmbeddingsOptions } from "./options.ts";

describeEmbedder("openai, base64", () => openai.create(small, fakeVendor()));
describeEmbedder("openai, floats", () => openai.create(small, fakeVendor({ answersFloats: true })));
describeEmbedder("openai, a compatible server of unknown length", () =>
  openai.create(compatible, fakeVendor({ native: 16 })),
);

describeNetworkEmbedder("openai, over HTTP", {
  start: () => startOpenaiEmbeddings({ key: "sk-right-1234" }),
  create: ({ url, dimensions, services }) =>
    openai.create(
      {
        model: { name: "text-embedding-3-small", options: { upstream_url: `${url}/v1/embeddings` } },
        auth: { header_name: "Authorization", header_value: "Bearer sk-right-1234" },
        dimensions,
      },
      services,
    ),
  dimensions: 64,
  secret: "sk-right-1234",
});

describe("what openai sends", () => {
  it("asks the vendor's endpoint for base64 and the configured dimensions", async () => {
    const vendor = fakeVendor();
    const embedder = openai.create(
      { ...small, auth: { header_name: "Authorization", header_value: "Bearer tok_12345" } },
      vendor,
    );
    const result = await embedder.embed(["hello", "world"], signal);
    expect(result.inputTokens).toBe(6);
    expect(vendor.requests[0]?.url).toBe("https://api.openai.com/v1/embeddings");
    expect(vendor.requests[0]?.headers).toMatchObject({ authorization: "Bearer tok_12345" });
    expect(vendor.bodies).toEqual([
      {
        model: "text-embedding-3-small",
        input: ["hello", "world"],
        encoding_format: "base64",
        dimensions: 64,
      },
    ]);
  });

  it("never sends dimensions to ada-002, under whatever name, nor where none are configured", async () => {
    for (const name of ["text-embedding-ada-002", "openai/text-embedding-ADA-002"]) {
      const vendor = fakeVendor();
      await openai.create({ model: { name }, dimensions: 1536 }, vendor).embed(["a"], signal);
      expect(vendor.bodies[0]).not.toHaveProperty("dimensions");
    }
    const vendor = fakeVendor({ native: 384 });
    await openai.create(compatible, vendor).embed(["a"], signal);
    expect(vendor.bodies[0]).not.toHaveProperty("dimensions");
  });

  it("puts a credential into the query or the body where the config says so", async () => {
    const auth = { param_name: "api_key", param_value: "tok&1" };
    const inQuery = fakeVendor();
    await openai
      .create({ ...compatible, auth: { ...auth, param_location: "query" } }, inQuery)
      .embed(["a"], signal);
    expect(inQuery.requests[0]?.url).toBe("http://embed.local:8080/v1/embeddings?x=1&api_key=tok%261");
    const inBody = fakeVendor();
    await openai
      .create({ ...compatible, auth: { ...auth, param_location: "body" } }, inBody)
      .embed(["a"], signal);
    expect(inBody.requests[0]?.url).toBe("http://embed.local:8080/v1/embeddings?x=1");
    expect(inBody.bodies[0]).toMatchObject({ api_key: "tok&1" });
  });

  it("cuts a long text to 8191 bytes between two characters, and splits calls below 300 000 bytes", async () => {
    const vendor = fakeVendor();
    const long = "é😀".repeat(10_000);
    await openai.create(small, vendor).embed(
      Array.from({ length: 100 }, () => long),
      signal,
    );
    expect(vendor.bodies.length).toBe(3);
    for (const { input } of vendor.bodies) {
      expect(input.reduce((sum, text) => sum + Buffer.byteLength(text), 0)).toBeLessThanOrEqual(300_000);
      for (const text of input) {
        expect(Buffer.byteLength(text)).toBeLessThanOrEqual(8191);
        expect(Buffer.byteLength(text)).toBeGreaterThan(8191 - 4);
        expect(long.startsWith(text)).toBe(true);
      }
    }
  });

  it("does not send blank texts, and learns an unknown length without them only when it must", async () => {
    const known = fakeVendor();
    const [zero] = (await openai.create(small, known).embed(["  "], signal)).vectors;
    expect([zero?.length, known.bodies.length]).toEqual([64, 0]);
    const unknown = fakeVendor({ native: 16 });
    const embedder = openai.create(compatible, unknown);
    expect(embedder.dimensions).toBeUndefined();
    const { vectors } = await embedder.embed(["", ""], signal);
    expect(vectors.map((vector) => [...vector])).toEqual([Array(16).fill(0), Array(16).fill(0)]);
    expect(unknown.bodies.map(({ input }) => input)).toEqual([["a"]]);
    expect(embedder.dimensions).toBe(16);
  });
});

describe("how openai gives way to servers that are compatible in part", () => {
  it("goes without encoding_format once a server has refused it, and remembers", async () => {
    const refuse = (body: SentBody) =>
      body.encoding_format === undefined
        ? undefined
        : {
            status: 422,
            body: {
              detail: [{ loc: ["body", "encoding_format"], msg: "extra fields not permitted", input: "x" }],
            },
          };
    const vendor = fakeVendor({ native: 8, refuse });
    const embedder = openai.create(compatible, vendor);
    await embedder.embed(["a"], signal);
    await embedder.embed(["b"], signal);
    expect(vendor.bodies.map(({ encoding_format }) => encoding_format)).toEqual([
      "base64",
      undefined,
      undefined,
    ]);
  });

  it("goes without dimensions for a model of one length, if that is the configured one", async () => {
    const refuse = (body: SentBody) =>
      body.dimensions === undefined
        ? undefined
        : {
            status: 400,
            body: { message: "Model does not support matryoshka representation, changing output dimensions" },
          };
    const fits = fakeVendor({ native: 384, refuse });
    const embedder = openai.create({ ...compatible, dimensions: 384 }, fits);
    expect((await embedder.embed(["a"], signal)).vectors[0]).toHaveLength(384);
    await embedder.embed(["b"], signal);
    expect(fits.bodies).toHaveLength(3);
    const doesNot = openai.create({ ...compatible, dimensions: 1024 }, fakeVendor({ native: 384, refuse }));
    const error = await failure(doesNot.embed(["a"], signal));
    expect(error.kind).toBe("invalid");
    expect(error.message).toMatch(/384.*1024.*vectordb\.dimensions/);
  });

  it("sends less of a text to a model that takes less", async () => {
    const refuse = ({ input }: SentBody) =>
      input.some((text) => text.length > 600)
        ? {
            status: 413,
            body: { error: "Input validation error: `inputs` must have less than 512 tokens. Given: 2000" },
          }
        : undefined;
    const vendor = fakeVendor({ native: 8, refuse });
    const embedder = openai.create(compatible, vendor);
    await embedder.embed(["word ".repeat(5000)], signal);
    await embedder.embed(["word ".repeat(5000)], signal);
    const sent = vendor.bodies.map(({ input }) => input[0]?.length);
    expect(sent).toEqual([8191, 2047, 511, 511]);
  });

  it("gives up when nothing helps, and has learnt nothing from it", async () => {
    const vendor = fakeVendor({
      refuse: (_, call) =>
        call <= 6 ? { status: 400, body: { error: { message: "base64 dimensions: too long" } } } : undefined,
    });
    const embedder = openai.create(small, vendor);
    expect((await failure(embedder.embed(["a"], signal))).status).toBe(400);
    expect(vendor.bodies).toHaveLength(6);
    await embedder.embed(["a"], signal);
    expect(vendor.bodies.at(-1)).toMatchObject({ encoding_format: "base64", dimensions: 64 });
  });
});

describe("openai's config", () => {
  it("says what is missing or wrong", () => {
    const vendor = fakeVendor();
    expect(() => openai.create({ model: {} }, vendor)).toThrow("embeddings.model.name");
    for (const upstream_url of ["nonsense", "ftp://x/y", ""]) {
      expect(() => openai.create({ model: { name: "m", options: { upstream_url } } }, vendor)).toThrow(
        "upstream_url",
      );
    }
  });

  it("gives one space to equal endpoints, models and lengths, whatever the key, and does not show the query", () => {
    const space = (config: EmbedderConfig) => openai.create(config, fakeVendor()).space;
    expect(space({ ...small, auth: { header_name: "a", header_value: "1" } })).toBe(space(small));
    expect(space({ ...small, dimensions: 65 })).not.toBe(space(small));
    expect(space({ ...compatible, dimensions: 64 })).not.toBe(space(small));
    const withKey = (key: string) =>
      space({ model: { name: "m", options: { upstream_url: `http://h/e?key=${key}` } } });
    expect(withKey("one")).not.toBe(withKey("two"));
    expect(withKey("one")).not.toContain("one");
  });

  it("takes the config's own block", () => {
    const accept = (block: EmbeddingsOptions): EmbedderConfig => block;
    expect(accept).toBeTypeOf("function");
  });
});
