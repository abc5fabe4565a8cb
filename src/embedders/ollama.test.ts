import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { failure, fakeVendor, servicesOf, signal } from "../../test/support/fake-embeddings-vendor.ts";
import {
  type OllamaSettings,
  ollamaModel,
  startOllamaEmbeddings,
} from "../../test/support/vendors/ollama-embeddings.ts";
import type { VendorServer } from "../../test/support/vendors/server.ts";
import { createHttpCaller, type HttpCaller } from "../http/http-caller.ts";
import { describeNetworkEmbedder } from "./embedder.contract.ts";
import type { EmbedderConfig } from "./embedder.ts";
import { ollama } from "./ollama.ts";

const secret = "right-1234";
const auth = { header_name: "Authorization", header_value: `Bearer ${secret}` };
const at = (upstream_url: string, dimensions?: number): EmbedderConfig => ({
  model: { name: ollamaModel, options: { upstream_url } },
  dimensions,
});

for (const path of ["/api/embed", "/v1/embeddings"]) {
  describeNetworkEmbedder(`ollama at ${path}`, {
    start: () => startOllamaEmbeddings({ key: secret }),
    create: ({ url, dimensions, services }) =>
      ollama.create({ ...at(`${url}${path}`, dimensions), auth }, services),
    dimensions: 64,
    secret,
  });
}

describe("what ollama sends", () => {
  it("asks the server of this machine, without a key", async () => {
    let sent: unknown;
    const embedder = ollama.create(
      { model: { name: "nomic-embed-text" }, auth: {} },
      servicesOf(async ({ url, headers, body }) => {
        sent = { url, authorization: headers["authorization"], body: JSON.parse(body ?? "") };
        return { status: 200, headers: {}, body: '{"embeddings":[[3,4]],"prompt_eval_count":2}' };
      }),
    );
    const { vectors, inputTokens } = await embedder.embed([" hello "], signal);
    expect(sent).toEqual({
      url: "http://127.0.0.1:11434/api/embed",
      authorization: undefined,
      body: { model: "nomic-embed-text", input: ["hello"], truncate: true },
    });
    expect([...(vectors[0] ?? [])].map((value) => value.toFixed(3))).toEqual(["0.600", "0.800"]);
    expect(inputTokens).toBe(2);
  });

  it("does not take the endpoint that embeds one text", () => {
    for (const path of ["/api/embeddings", "/api/embeddings/"])
      expect(() => ollama.create(at(`http://h:11434${path}`), fakeVendor())).toThrow(
        /upstream_url.*\/api\/embed/,
      );
    expect(() => ollama.create({ model: {} }, fakeVendor())).toThrow(/embeddings\.model\.name/);
  });
});

describe("ollama's server by version", () => {
  let caller: HttpCaller;
  let server: VendorServer;
  const settings: OllamaSettings[] = [{ version: "new" }, { version: "refusing" }, { version: "old" }];

  beforeAll(() => {
    caller = createHttpCaller();
  });
  afterAll(() => caller.close());

  describe.each(settings)("$version", (setting) => {
    beforeAll(async () => {
      server = await startOllamaEmbeddings(setting);
    });
    beforeEach(() => server.reset());
    afterAll(() => server.close());

    const create = (dimensions?: number) =>
      ollama.create(at(`${server.url}/api/embed`, dimensions), servicesOf(caller.call));

    it("embeds long texts, cut by the server or by us, and remembers", async () => {
      const embedder = create();
      const long = "word ".repeat(5000);
      await embedder.embed([long], signal);
      const first = server.requests.length;
      await embedder.embed([long], signal);
      expect(first).toBe(setting.version === "refusing" ? 2 : 1);
      expect(server.requests).toHaveLength(first + 1);
    });

    it("answers a shorter length where it can, and else says what to set", async () => {
      const embedding = create(64).embed(["hello"], signal);
      if (setting.version === "old")
        expect((await failure(embedding)).message).toContain("set vectordb.dimensions to 768");
      else expect((await embedding).vectors[0]).toHaveLength(64);
      expect((await failure(create(1024).embed(["hello"], signal))).message).toContain(
        "768 numbers where 1024 are configured",
      );
    });
  });

  it("names a model that is not pulled", async () => {
    server = await startOllamaEmbeddings();
    const config = at(`${server.url}/api/embed`);
    const unknown = { ...config, model: { ...config.model, name: "missing-model" } };
    const error = await failure(ollama.create(unknown, servicesOf(caller.call)).embed(["a"], signal));
    await server.close();
    expect(error.message).toMatch(/answered 404: model 'missing-model' not found$/);
    expect(error.isRetryable).toBe(false);
  });
});
