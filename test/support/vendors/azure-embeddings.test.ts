import { AuthenticationError, AzureOpenAI, BadRequestError, NotFoundError } from "openai";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { hashVector } from "../fake-embedder.ts";
import { startAzureEmbeddings } from "./azure-embeddings.ts";
import type { VendorServer } from "./server.ts";

const model = "embed-small";
let server: VendorServer;

beforeAll(async () => {
  server = await startAzureEmbeddings({ key: "right-1234", isToken: (token) => token === "token-1" });
});
beforeEach(() => server.reset());
afterAll(() => server.close());

const client = (apiKey = "right-1234", apiVersion = "2024-10-21") =>
  new AzureOpenAI({ apiKey, apiVersion, endpoint: server.url, maxRetries: 0 });
const thrown = (promise: Promise<unknown>) => promise.catch((error: unknown) => error);

describe("the fake of Azure OpenAI's embeddings, asked by OpenAI's SDK for Azure", () => {
  it("answers at the deployment's address, by key and by token", async () => {
    const answer = await client().embeddings.create({ model, input: ["hello", "world"], dimensions: 8 });
    expect(server.requests[0]?.target).toBe(
      "/openai/deployments/embed-small/embeddings?api-version=2024-10-21",
    );
    expect(Float32Array.from(answer.data[1]?.embedding ?? [])).toEqual(hashVector("world", 8));
    expect(answer.usage).toEqual({ prompt_tokens: 4, total_tokens: 4 });
    expect(answer.model).toBe("text-embedding-3-small");
    const byToken = new AzureOpenAI({
      azureADTokenProvider: async () => "token-1",
      apiVersion: "2024-10-21",
      endpoint: server.url,
      maxRetries: 0,
    });
    const whole = await byToken.embeddings.create({ model, input: "hello" });
    expect(whole.data[0]?.embedding).toHaveLength(1536);
  });

  it("refuses in the shape the SDK reads", async () => {
    const input = "a";
    const denied = await thrown(client("wrong").embeddings.create({ model, input }));
    expect(denied).toBeInstanceOf(AuthenticationError);
    const unknown = await thrown(client().embeddings.create({ model: "none", input }));
    expect(unknown).toBeInstanceOf(NotFoundError);
    expect(unknown).toMatchObject({ code: "DeploymentNotFound" });
    const version = await thrown(client("right-1234", "2019-01-01").embeddings.create({ model, input }));
    expect(version).toBeInstanceOf(NotFoundError);
    const odd = [
      { model, input: "" },
      { model, input: "a", dimensions: 1537 },
      { model, input: "word ".repeat(8000) },
      { model: "ada old", input: "a", dimensions: 1536 },
      { model: "ada old", input: Array(17).fill("a") },
    ];
    for (const body of odd)
      expect(await thrown(client().embeddings.create(body))).toBeInstanceOf(BadRequestError);
  });
});
