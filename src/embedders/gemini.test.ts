import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { failure, signal } from "../../test/support/fake-embeddings-vendor.ts";
import {
  startGeminiEmbeddings,
  vertexLocation,
  vertexProject,
} from "../../test/support/vendors/gemini-embeddings.ts";
import {
  type GoogleIdentity,
  serviceAccountFile,
  startGoogleIdentity,
} from "../../test/support/vendors/google-identity.ts";
import type { VendorServer } from "../../test/support/vendors/server.ts";
import type { HttpCall } from "../http/http-call.ts";
import { createHttpCaller } from "../http/http-caller.ts";
import { describeEmbedder, describeNetworkEmbedder } from "./embedder.contract.ts";
import type { EmbedderConfig } from "./embedder.ts";
import { gemini } from "./gemini.ts";

const key = "AIzaSyRight-1234";
const byHeader = { header_name: "x-goog-api-key", header_value: key };
const byQuery = { param_name: "key", param_value: key, param_location: "query" } as const;
const vertex = {
  api_endpoint: "us-central1-aiplatform.googleapis.com",
  project_id: vertexProject,
  location_id: vertexLocation,
};
const models = `/v1/projects/${vertexProject}/locations/${vertexLocation}/publishers/google/models`;

describeNetworkEmbedder("gemini, by key in a header", {
  start: () => startGeminiEmbeddings({ key }),
  create: ({ url, dimensions, services }) => {
    const upstream_url = `${url}/v1beta/models/gemini-embedding-001:batchEmbedContents`;
    const model = { name: "gemini-embedding-001", options: { upstream_url } };
    return gemini.create({ model, auth: byHeader, dimensions }, services);
  },
  dimensions: 64,
  secret: key,
});

describeNetworkEmbedder("gemini, on Vertex AI with a fixed token", {
  start: () => startGeminiEmbeddings({ key: "none", isToken: (token) => token === "ya29.fixed-token" }),
  create: ({ url, dimensions, services }) => {
    const options = { upstream_url: `${url}${models}/text-embedding-005:predict`, gemini: vertex };
    const auth = { header_name: "Authorization", header_value: "Bearer ya29.fixed-token" };
    return gemini.create({ model: { name: "text-embedding-005", options }, auth, dimensions }, services);
  },
  dimensions: 64,
  secret: "ya29.fixed-token",
});

const caller = createHttpCaller();
let identity: GoogleIdentity;
let server: VendorServer;
let hosts: string[] = [];
/** The end of tokens before their time. */
let revoked: readonly string[] = [];
/** How much later it is than on the machine's clock. */
let laterMs = 0;

beforeAll(async () => {
  identity = await startGoogleIdentity();
  const isToken = (token: string) => identity.issued.includes(token) && !revoked.includes(token);
  server = await startGeminiEmbeddings({ key, isToken });
});
beforeEach(() => {
  server.reset();
  hosts = [];
  laterMs = 0;
});
afterAll(async () => {
  await caller.close();
  await server.close();
  await identity.close();
});

/** The server stands in for Google's own hosts. */
const call: HttpCall = (request) => {
  const url = new URL(request.url);
  if (!url.hostname.endsWith("googleapis.com")) return caller.call(request);
  hosts.push(url.origin);
  return caller.call({ ...request, url: `${server.url}${url.pathname}${url.search}` });
};

function create(config: Omit<EmbedderConfig, "model"> & { model?: EmbedderConfig["model"] }, env = {}) {
  const model = { name: "gemini-embedding-001" };
  return gemini.create({ model, ...config }, { call, wallClock: () => Date.now() + laterMs, env });
}

const onVertex = (name: string, more: Partial<EmbedderConfig> = {}) =>
  create({ model: { name, options: { gemini: vertex } }, auth: { gcp_metadata_url: identity.url }, ...more });

describeEmbedder("gemini, on Vertex AI, one text a call", () =>
  onVertex("gemini-embedding-2", { dimensions: 32 }),
);
describeEmbedder("gemini, on Vertex AI, one text a prediction", () => onVertex("gemini-embedding-001"));

describe("gemini", () => {
  it("sends a batch to the Gemini API, with a task that is the same for prompts and descriptions", async () => {
    await create({ auth: byHeader, dimensions: 8 }).embed(["hello", "world"], signal);
    expect(hosts).toEqual(["https://generativelanguage.googleapis.com"]);
    const [request] = server.requests;
    expect(request?.target).toBe("/v1beta/models/gemini-embedding-001:batchEmbedContents");
    expect(request?.headers["x-goog-api-key"]).toBe(key);
    const [hello, world] = ["hello", "world"].map((text) => ({
      model: "models/gemini-embedding-001",
      content: { parts: [{ text }] },
      taskType: "SEMANTIC_SIMILARITY",
      outputDimensionality: 8,
    }));
    expect(request?.json).toEqual({ requests: [hello, world] });
  });

  it("takes the key in the query, and a model's name with `models/` in front", async () => {
    const model = { name: "models/gemini-embedding-001" };
    const embedder = create({ model, auth: byQuery });
    expect([embedder.model, embedder.dimensions]).toEqual(["gemini-embedding-001", 3072]);
    await embedder.embed(["hello"], signal);
    expect(server.requests[0]?.target).toBe(
      `/v1beta/models/gemini-embedding-001:batchEmbedContents?key=${key}`,
    );
  });

  it("says the task in the text to the models that ignore the field", async () => {
    await create({ model: { name: "gemini-embedding-2" }, auth: byHeader }).embed(["hello"], signal);
    const content = { parts: [{ text: "task: sentence similarity | query: hello" }] };
    expect(server.requests[0]?.json).toEqual({ requests: [{ model: "models/gemini-embedding-2", content }] });
  });

  it("splits what exceeds a hundred texts", async () => {
    const texts = Array.from({ length: 250 }, (_, i) => `text ${i}`);
    expect((await create({ auth: byHeader, dimensions: 4 }).embed(texts, signal)).vectors).toHaveLength(250);
    expect(server.requests).toHaveLength(3);
  });

  it("goes without task and dimensions for a model that knows neither, and remembers", async () => {
    const embedder = create({ model: { name: "embedding-001" }, auth: byHeader, dimensions: 768 });
    await embedder.embed(["one"], signal);
    await embedder.embed(["two"], signal);
    expect(server.requests).toHaveLength(4);
    expect(server.requests.at(-1)?.json).toEqual({
      requests: [{ model: "models/embedding-001", content: { parts: [{ text: "two" }] } }],
    });
  });

  it("says what Google says, and waits as long as it asks", async () => {
    const wrong = create({ auth: { ...byHeader, header_value: "AIza-wrong" } });
    const denied = await failure(wrong.embed(["a"], signal));
    expect(denied.message).toMatch(/answered 400: API key not valid/);
    expect(denied.isRetryable).toBe(false);
    const retryInfo = { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "45.5s" };
    const details = [{ "@type": "type.googleapis.com/google.rpc.Help", links: [] }, retryInfo];
    const error = {
      code: 429,
      message: "You exceeded your current quota",
      status: "RESOURCE_EXHAUSTED",
      details,
    };
    for (const body of [{ error }, [{ error }]]) {
      server.misbehave({ kind: "reply", status: 429, body });
      const limited = await failure(create({ auth: byHeader }).embed(["a"], signal));
      expect(limited).toMatchObject({ isRetryable: true, retryAfterMs: 45_500 });
      expect(limited.message).toContain("You exceeded your current quota");
    }
  });

  it("counts tokens where Google does", async () => {
    expect(await create({ auth: byHeader }).embed(["hello"], signal)).not.toHaveProperty("inputTokens");
    const [two, five] = [onVertex("gemini-embedding-2"), onVertex("text-embedding-005")];
    expect((await five.embed(["hello", "world!"], signal)).inputTokens).toBe(4);
    expect((await two.embed(["hello"], signal)).inputTokens).toBe(10);
  });
});

describe("gemini, on Vertex AI", () => {
  it("predicts in batches for the models that take them, at the configured project", async () => {
    await onVertex("text-embedding-005", { dimensions: 16 }).embed(["hello", "world"], signal);
    expect(hosts).toEqual([`https://${vertex.api_endpoint}`]);
    expect(server.requests[0]?.path).toBe(`${models}/text-embedding-005:predict`);
    expect(server.requests[0]?.json).toEqual({
      instances: [
        { content: "hello", task_type: "SEMANTIC_SIMILARITY" },
        { content: "world", task_type: "SEMANTIC_SIMILARITY" },
      ],
      parameters: { outputDimensionality: 16, autoTruncate: true },
    });
  });

  it("sends one text a call, a few at a time, to gemini-embedding-001", async () => {
    const texts = Array.from({ length: 9 }, (_, i) => `text ${i}`);
    expect((await onVertex("gemini-embedding-001").embed(texts, signal)).vectors).toHaveLength(9);
    expect(server.requests).toHaveLength(9);
    const leaving = new AbortController();
    server.misbehave({ kind: "hang" });
    const arrived = server.arrived(4);
    const lost = failure(onVertex("gemini-embedding-001").embed(texts, leaving.signal));
    await arrived;
    expect(server.requests).toHaveLength(9 + 4);
    leaving.abort();
    expect(await lost).toMatchObject({ kind: "aborted" });
  });

  it("keeps a call below the tokens it may have", async () => {
    const long = "word ".repeat(3000);
    const texts = Array.from({ length: 30 }, () => long);
    expect((await onVertex("text-embedding-005").embed(texts, signal)).vectors).toHaveLength(30);
    for (const { body } of server.requests) expect(Buffer.byteLength(body)).toBeLessThan(21_000);
  });

  it("embeds content by content with the models that do not predict", async () => {
    await onVertex("gemini-embedding-2", { dimensions: 8 }).embed(["hello"], signal);
    expect(server.requests[0]?.path).toBe(`${models}/gemini-embedding-2:embedContent`);
    expect(server.requests[0]?.json).toEqual({
      content: { parts: [{ text: "task: sentence similarity | query: hello" }] },
      embedContentConfig: { outputDimensionality: 8, autoTruncate: true },
    });
  });

  it("signs in with the service account of the config or of the environment, once for many calls", async () => {
    const token = { gcp_oauth_token_url: `${identity.url}/token` };
    const before = identity.claims.length;
    const configured = onVertex("text-embedding-005", {
      auth: { gcp_use_service_account: true, gcp_service_account_json: serviceAccountFile(), ...token },
    });
    await Promise.all(["one", "two"].map((text) => configured.embed([text], signal)));
    expect(identity.claims.slice(before)).toMatchObject([
      { scope: "https://www.googleapis.com/auth/cloud-platform" },
    ]);
    const model = { name: "text-embedding-005", options: { gemini: vertex } };
    const env = { GCP_SERVICE_ACCOUNT: serviceAccountFile() };
    await create({ model, auth: { gcp_use_service_account: true, ...token } }, env).embed(["a"], signal);
    expect(server.requests.at(-1)?.headers["authorization"]).toBe(`Bearer ${identity.issued.at(-1)}`);
  });

  it("signs in again once its token is revoked, whatever was under way then", async () => {
    const embedder = onVertex("text-embedding-005");
    await embedder.embed(["a"], signal);
    const before = identity.issued.length;
    revoked = identity.issued.slice();
    laterMs = 60_000;
    const errors = await Promise.all(["a", "b"].map((text) => failure(embedder.embed([text], signal))));
    for (const error of errors) {
      expect(error).toMatchObject({ status: 401, isRetryable: true });
      expect(error.message).toContain("answered 401: Request had invalid authentication credentials");
    }
    await embedder.embed(["a"], signal);
    await embedder.embed(["b"], signal);
    expect(identity.issued.length - before).toBe(1);
  });

  it("is refused for good with a fixed token that is no good", async () => {
    const auth = { header_name: "Authorization", header_value: "Bearer ya29.gone" };
    const error = await failure(onVertex("text-embedding-005", { auth }).embed(["a"], signal));
    expect(error).toMatchObject({ status: 401, isRetryable: false });
  });

  it("says what is wrong with the account, or with the project", async () => {
    const broken = { gcp_use_service_account: true, gcp_service_account_json: "{" };
    expect(() => onVertex("text-embedding-005", { auth: broken })).toThrow(
      "gcp_service_account_json is not JSON",
    );
    const other = { name: "text-embedding-005", options: { gemini: { ...vertex, project_id: "other" } } };
    const denied = create({ model: other, auth: { gcp_metadata_url: identity.url } });
    expect((await failure(denied.embed(["a"], signal))).message).toMatch(/answered 403: Permission/);
    identity.fail(1, 503);
    const down = await failure(onVertex("text-embedding-005").embed(["a"], signal));
    expect(down).toMatchObject({ kind: "vendor", isRetryable: true });
    expect(down.message).toMatch(/metadata service.*503/);
  });

  it("refuses settings that cannot work, by name", () => {
    const options = (some: object) => ({ name: "m", options: { gemini: some } });
    for (const some of [{ project_id: "p" }, { ...vertex, location_id: undefined }])
      expect(() => create({ model: options(some) })).toThrow(
        "api_endpoint, project_id and location_id go together",
      );
    for (const api_endpoint of ["https://x.googleapis.com", "x.googleapis.com/v1", "$(headers.x)"])
      expect(() => create({ model: options({ ...vertex, api_endpoint }) })).toThrow("gemini.api_endpoint");
    expect(() => create({ model: {} })).toThrow("embeddings.model.name");
  });

  it("refuses answers of another shape", async () => {
    const odd: readonly [string, unknown][] = [
      ["gemini-embedding-2", { embedding: { values: "1,2" } }],
      ["gemini-embedding-2", { embeddings: [] }],
      ["text-embedding-005", { predictions: [{ embedding: [1, 2] }] }],
      ["text-embedding-005", { predictions: {} }],
    ];
    for (const [name, body] of odd) {
      const embedder = onVertex(name);
      server.misbehave({ kind: "reply", status: 200, body });
      expect(await failure(embedder.embed(["a"], signal))).toMatchObject({ kind: "invalid" });
    }
  });
});
