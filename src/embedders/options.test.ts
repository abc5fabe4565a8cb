import { describe, expect, it } from "vitest";
import { z } from "zod";
import { checkEmbeddings, embeddingsOptions } from "./options.ts";

const block = (model: Readonly<Record<string, unknown>>, auth: Readonly<Record<string, unknown>> = {}) =>
  embeddingsOptions.parse({ auth, model });
const faults = (...parts: Parameters<typeof block>) =>
  checkEmbeddings(block(...parts)).map(({ path, message }) => `${path.join(".")}: ${message}`);

describe("the block `embeddings`", () => {
  it("takes a price of its tokens, as ours", () => {
    const { model } = block({ provider: "openai", name: "m", options: { input_cost: 0.02 } });
    expect(model.options.input_cost).toBe(0.02);
    expect(() => block({ provider: "openai", name: "m", options: { input_cost: -1 } })).toThrow(/negative/);
    expect(z.toJSONSchema(embeddingsOptions)).toMatchObject({
      properties: { model: { properties: { options: { properties: { input_cost: { sluice: true } } } } } },
    });
  });

  it("says of no vendor's block that nothing acts on it, but of what is for videos and batches", () => {
    const schema = JSON.stringify(z.toJSONSchema(embeddingsOptions.shape.model));
    const planned = [...schema.matchAll(/"(\w+)":\{[^{}]*"planned":true/g)].map(([, name]) => name);
    expect(planned.sort()).toEqual(["batch_bucket_prefix", "batch_role_arn", "video_output_s3_uri"]);
  });

  it("has no place for templates", () => {
    const options = { upstream_url: "http://h/$(headers.x)" };
    expect(faults({ provider: "openai", name: "m", options })).toEqual([
      expect.stringMatching(/^model\.options\.upstream_url: must not hold a template/),
    ]);
    expect(faults({ provider: "openai", name: "m", options: { upstream_url: "http://h/x" } })).toEqual([]);
  });

  it("names what azure lacks", () => {
    expect(faults({ provider: "azure", name: "m", options: { azure: { instance: "i" } } })).toEqual([
      "model.options.azure.deployment_id: must set 'model.options.azure.deployment_id' for azure provider",
    ]);
    const azure = { instance: "i", deployment_id: "d" };
    expect(faults({ provider: "azure", name: "m", options: { azure } })).toEqual([]);
  });

  it("says when the client to sign in to azure with would not be used, and nothing else either", () => {
    const azure = { instance: "i", deployment_id: "d" };
    const on = (provider: string, auth: Readonly<Record<string, unknown>>) =>
      faults({ provider, name: "m", options: { azure } }, auth);
    const client = { azure_client_id: "c", azure_client_secret: "hush", azure_tenant_id: "t" };
    expect(on("azure", client)).toEqual([
      "auth.azure_use_managed_identity: must be true for azure_client_id, azure_client_secret, azure_tenant_id to have " +
        "an effect: without it, and without header_name or param_name, calls carry no credential",
    ]);
    expect(on("azure", { azure_client_id: "c" })).toEqual([
      expect.stringContaining("must be true for azure_client_id to have an effect"),
    ]);
    for (const used of [
      { azure_use_managed_identity: true },
      { header_name: "api-key", header_value: "k" },
      { param_name: "api-key", param_value: "k", param_location: "query" },
    ])
      expect(on("azure", { ...client, ...used }), Object.keys(used)[0]).toEqual([]);
    expect(on("azure", { azure_client_id: "" })).toEqual([]);
    expect(on("openai", client)).toEqual([]);
  });

  it("keeps a client's credential from clouds", () => {
    for (const provider of ["bedrock", "gemini"])
      expect(faults({ provider, name: "m" }, { allow_override: true })).toHaveLength(1);
    expect(faults({ provider: "openai", name: "m" }, { allow_override: true })).toEqual([]);
  });
});
