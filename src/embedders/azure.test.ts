import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { failure, signal } from "../../test/support/fake-embeddings-vendor.ts";
import { startAzureEmbeddings } from "../../test/support/vendors/azure-embeddings.ts";
import {
  type AzureIdentity,
  azureClient,
  startAzureIdentity,
} from "../../test/support/vendors/azure-identity.ts";
import type { VendorServer } from "../../test/support/vendors/server.ts";
import type { HttpCall } from "../http/http-call.ts";
import { createHttpCaller } from "../http/http-caller.ts";
import { azure } from "./azure.ts";
import { describeNetworkEmbedder } from "./embedder.contract.ts";
import type { EmbedderConfig } from "./embedder.ts";

const key = "0123456789abcdef";
const auth = { header_name: "api-key", header_value: key };
const deployed = { instance: "contoso", deployment_id: "embed-small", api_version: "2024-10-21" };
const config = {
  model: { name: "text-embedding-3-small", options: { azure: deployed } },
  auth,
} satisfies EmbedderConfig;

describeNetworkEmbedder("azure, by key", {
  start: () => startAzureEmbeddings({ key }),
  create: ({ url, dimensions, services }) =>
    azure.create(
      {
        model: {
          name: "text-embedding-3-small",
          options: { upstream_url: `${url}/openai/deployments/embed-small/embeddings`, azure: deployed },
        },
        auth,
        dimensions,
      },
      services,
    ),
  dimensions: 64,
  secret: key,
});

const caller = createHttpCaller();
let identity: AzureIdentity;
let server: VendorServer;
/** What was asked of Azure's own hosts, which the server stands in for. */
let hosts: string[] = [];
/** The end of tokens before their time. */
let revoked: readonly string[] = [];
/** How much later it is than on the machine's clock. */
let laterMs = 0;

beforeAll(async () => {
  identity = await startAzureIdentity();
  const isToken = (token: string) => identity.issued.includes(token) && !revoked.includes(token);
  server = await startAzureEmbeddings({ key, isToken });
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

const call: HttpCall = (request) => {
  const url = new URL(request.url);
  if (!url.hostname.endsWith(".openai.azure.com")) return caller.call(request);
  hosts.push(url.origin);
  return caller.call({ ...request, url: `${server.url}${url.pathname}${url.search}` });
};

function create(more: Partial<EmbedderConfig> = {}, env: Record<string, string> = {}) {
  const services = { call, wallClock: () => Date.now() + laterMs, env: { ...identity.env, ...env } };
  return azure.create({ ...config, ...more }, services);
}

const withAzure = (more: Partial<typeof deployed>) => ({
  model: { name: "text-embedding-3-small", options: { azure: { ...deployed, ...more } } },
});

describe("azure", () => {
  it("calls the deployment at the instance's host, with the configured version and key", async () => {
    const result = await create({ dimensions: 8 }).embed(["hello", "world"], signal);
    expect(result.inputTokens).toBe(4);
    expect(hosts).toEqual(["https://contoso.openai.azure.com"]);
    const [request] = server.requests;
    expect(request?.target).toBe("/openai/deployments/embed-small/embeddings?api-version=2024-10-21");
    expect(request?.headers["api-key"]).toBe(key);
    expect(request?.json).toMatchObject({ input: ["hello", "world"], dimensions: 8 });
  });

  it("learns the length from the answer: the deployment's name says nothing of its model", async () => {
    const embedder = create();
    expect(embedder.dimensions).toBeUndefined();
    await embedder.embed(["hello"], signal);
    expect(embedder.dimensions).toBe(1536);
  });

  it("does not ask ada-002 for dimensions, and sends fewer texts to a deployment that takes few", async () => {
    const embedder = create({
      model: {
        name: "text-embedding-ada-002",
        options: { azure: { ...deployed, deployment_id: "ada old" } },
      },
      dimensions: 1536,
    });
    const texts = Array.from({ length: 20 }, (_, i) => `text ${i}`);
    expect((await embedder.embed(texts, signal)).vectors).toHaveLength(20);
    expect(server.requests[0]?.path).toBe("/openai/deployments/ada%20old/embeddings");
    for (const { json } of server.requests) expect(json).not.toHaveProperty("dimensions");
  });

  it("takes an own URL whole, and adds the version only where Azure's addresses want it", async () => {
    const urlOf = async (upstream_url: string) => {
      const urls: string[] = [];
      const services = {
        call: async ({ url }: { url: string }) => {
          urls.push(url);
          return { status: 401, headers: {}, body: "" };
        },
        wallClock: () => 0,
        env: {},
      };
      const model = { name: "m", options: { upstream_url, azure: deployed } };
      await failure(azure.create({ model }, services).embed(["a"], signal));
      return urls[0];
    };
    const deployment = "https://gateway.contoso.com/openai/deployments/d/embeddings";
    expect(await urlOf(deployment)).toBe(`${deployment}?api-version=2024-10-21`);
    expect(await urlOf(`${deployment}?api-version=2023-05-15`)).toBe(`${deployment}?api-version=2023-05-15`);
    const next = "https://contoso.openai.azure.com/openai/v1/embeddings";
    expect(await urlOf(next)).toBe(next);
  });

  it("says which setting is missing or wrong", () => {
    expect(() => create({ model: { options: { azure: deployed } } })).toThrow("embeddings.model.name");
    expect(() => create({ model: { name: "m" } })).toThrow("options.azure.instance is missing");
    expect(() => create(withAzure({ deployment_id: "" }))).toThrow("options.azure.deployment_id is missing");
    for (const instance of ["contoso.openai.azure.com", "https://contoso", "$(headers.x)", "a/b"])
      expect(() => create(withAzure({ instance }))).toThrow("options.azure.instance must be");
    const managed = { azure_use_managed_identity: true, azure_client_secret: "s" };
    expect(() => create({ auth: managed })).toThrow("azure_tenant_id");
  });

  it("passes on what Azure says of a deployment that is not there", async () => {
    const error = await failure(create(withAzure({ deployment_id: "gone" })).embed(["a"], signal));
    expect(error.message).toMatch(
      /azure\/text-embedding-3-small at contoso\.openai\.azure\.com answered 404.*does not exist/,
    );
    expect(error.isRetryable).toBe(false);
  });
});

describe("azure, by managed identity", () => {
  const managed = { azure_use_managed_identity: true };

  it("signs in at the machine's metadata service, once for many calls", async () => {
    const before = identity.issued.length;
    const embedder = create({ auth: managed });
    await Promise.all(["one", "two", "three"].map((text) => embedder.embed([text], signal)));
    expect(identity.issued.length - before).toBe(1);
    for (const { headers } of server.requests)
      expect(headers["authorization"]).toBe(`Bearer ${identity.issued.at(-1)}`);
    expect(identity.asked.at(-1)?.fields["resource"]).toBe("https://cognitiveservices.azure.com");
  });

  it("signs in with the client secret of the config", async () => {
    const { tenantId, clientId, clientSecret } = azureClient;
    const client = {
      azure_tenant_id: tenantId,
      azure_client_id: clientId,
      azure_client_secret: clientSecret,
    };
    await create({ auth: { ...managed, ...client } }).embed(["a"], signal);
    expect(identity.asked.at(-1)?.fields["scope"]).toBe("https://cognitiveservices.azure.com/.default");
    const wrong = create({ auth: { ...managed, ...client, azure_client_secret: "wr0ng~one" } });
    const error = await failure(wrong.embed(["a"], signal));
    expect(error.message).toMatch(/^azure\/text-embedding-3-small at contoso.*AADSTS7000215/);
    expect(error.message).not.toContain("wr0ng~one");
    expect(error.isRetryable).toBe(false);
  });

  it("does not show the token when Azure repeats it", async () => {
    const embedder = create({ auth: managed });
    await embedder.embed(["a"], signal);
    const token = identity.issued.at(-1) ?? "";
    server.misbehave({ kind: "reply", status: 401, body: { error: { message: `bad token ${token}` } } });
    expect((await failure(embedder.embed(["a"], signal))).message).not.toContain(token);
  });

  it("signs in again once its token is revoked, whatever was under way then", async () => {
    const embedder = create({ auth: managed });
    await embedder.embed(["a"], signal);
    const before = identity.issued.length;
    revoked = identity.issued.slice();
    laterMs = 60_000;
    const errors = await Promise.all(["a", "b"].map((text) => failure(embedder.embed([text], signal))));
    for (const error of errors) {
      expect(error).toMatchObject({ status: 401, isRetryable: true });
      expect(error.message).toContain("answered 401: Unauthorized. Access token is missing, invalid");
    }
    await embedder.embed(["a"], signal);
    await embedder.embed(["b"], signal);
    expect(identity.issued.length - before).toBe(1);
  });

  it("is refused for good when Azure does not take its very first token", async () => {
    server.misbehave({ kind: "reply", status: 401, body: { error: { code: "401", message: "no" } } });
    const error = await failure(create({ auth: managed }).embed(["a"], signal));
    expect(error).toMatchObject({ status: 401, isRetryable: false });
  });

  it("can be tried again when the identity service is down", async () => {
    identity.fail(1, 503);
    const error = await failure(create({ auth: managed }).embed(["a"], signal));
    expect(error).toMatchObject({ kind: "vendor", isRetryable: true });
    expect(server.requests).toEqual([]);
  });

  it("is left by its caller while it signs in", async () => {
    const leaving = new AbortController();
    const services = { call: () => new Promise<never>(() => undefined), wallClock: () => 0, env: {} };
    const waiting = failure(
      azure.create({ ...config, auth: managed }, services).embed(["a"], leaving.signal),
    );
    leaving.abort();
    expect(await waiting).toMatchObject({ kind: "aborted" });
  });
});
