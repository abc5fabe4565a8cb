import { describe, expect, it } from "vitest";
import { createProxyTarget, type TargetFacts } from "../../test/support/proxy-targets.ts";
import { priceRow } from "../accounting/price-row.ts";
import { createTargetPrices } from "../accounting/target-price.ts";
import { GatewayError } from "../errors.ts";
import { modelOptions } from "../providers/model-options.ts";
import { openai } from "../providers/openai.ts";
import type { Provider } from "../providers/provider.ts";
import type { TemplateSource } from "./template.ts";

const from = (values: Readonly<Record<string, string>> = {}): TemplateSource => ({
  header: (name) => values[name],
  query: (name) => values[`?${name}`],
  capture: (name) => values[`/${name}`],
});

const resolve = (facts: TargetFacts, source = from(), clientModel?: string) =>
  createProxyTarget(0, facts).resolve(source, clientModel);

function refusal(run: () => unknown): GatewayError {
  try {
    run();
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("where a target's calls go", () => {
  it("is the vendor's own address by default", () => {
    expect(resolve({})).toMatchObject({
      origin: "https://api.openai.com",
      scheme: "https",
      host: "api.openai.com",
      port: 443,
      path: "/v1/chat/completions",
      uri: "/v1/chat/completions",
      model: { name: "m0" },
    });
  });

  it.each([
    [
      "http://llm.local/v1/chat",
      { origin: "http://llm.local", scheme: "http", host: "llm.local", port: 80, path: "/v1/chat" },
    ],
    ["http://llm.local:8080", { origin: "http://llm.local:8080", port: 8080, path: "/" }],
    [
      "https://llm.local:8443/a/b",
      { origin: "https://llm.local:8443", scheme: "https", port: 8443, path: "/a/b" },
    ],
    ["https://[::1]:9000/x", { origin: "https://[::1]:9000", host: "[::1]", port: 9000, path: "/x" }],
    ["https://llm.local/x?api-version=2&k=v#part", { path: "/x?api-version=2&k=v", uri: "/x" }],
    ["HTTPS://LLM.local/X%20y", { origin: "https://llm.local", path: "/X%20y" }],
  ])("is upstream_url %s, the whole of it", (url, expected) => {
    expect(resolve({ options: { upstream_url: url, upstream_path: "/ignored" } })).toMatchObject(expected);
  });

  it("takes only the path from upstream_path", () => {
    expect(resolve({ options: { upstream_path: "/v2/chat" } })).toMatchObject({
      origin: "https://api.openai.com",
      path: "/v2/chat",
      uri: "/v2/chat",
    });
    expect(resolve({ options: { upstream_path: "no-slash" } }).path).toBe("/no-slash");
  });

  it("carries the vendor's own headers", () => {
    const provider: Provider = { ...openai, headers: (model) => ({ "x-model": model.name }) };
    expect(resolve({ provider }).headers).toEqual({ "x-model": "m0" });
    expect(resolve({}).headers).toEqual({});
  });

  it("keeps the query, which may hold a key, out of what is recorded", () => {
    expect(resolve({ options: { upstream_url: "https://llm.local/x?key=secret" } }).uri).not.toContain(
      "secret",
    );
  });

  it.each(["https://h:99999/", "file:///etc/passwd", "ftp://h/x", "not a url"])(
    "refuses %s, which a template can come to, with an error for the client",
    (url) => {
      const target = () => resolve({ options: { upstream_url: "$(headers.x)" } }, from({ x: url }));
      const error = refusal(target);
      expect(error.status).toBe(400);
      expect(error.message).not.toContain(url);
    },
  );
});

describe("templates of a target", () => {
  it("are filled in for each request, in the name and in the options", () => {
    const target = createProxyTarget(0, {
      modelName: "$(headers.x-source-model)",
      options: {
        upstream_url:
          "https://$(headers.x-region).llm.local/$(uri_captures.deployment)/chat?v=$(query_params.v)",
      },
    });
    const first = target.resolve(
      from({ "x-source-model": "gpt-4o", "x-region": "eu", "/deployment": "a b", "?v": "1" }),
      "ignored",
    );
    expect(first).toMatchObject({
      origin: "https://eu.llm.local",
      path: "/a%20b/chat?v=1",
      model: { name: "gpt-4o" },
    });
    const second = target.resolve(
      from({ "x-source-model": "o3", "x-region": "us", "/deployment": "b", "?v": "2" }),
      undefined,
    );
    expect(second).toMatchObject({
      origin: "https://us.llm.local",
      path: "/b/chat?v=2",
      model: { name: "o3" },
    });
  });

  it("cannot be made to leave the path they are in", () => {
    const options = { upstream_url: "https://llm.local/v1/$(headers.x)/chat" };
    expect(resolve({ options }, from({ x: "a/../../admin?x=#" })).path).toBe(
      "/v1/a%2F%2E%2E%2F%2E%2E%2Fadmin%3Fx%3D%23/chat",
    );
    expect(refusal(() => resolve({ options }, from({ x: ".." })))).toMatchObject({
      code: "template_unsafe",
      status: 400,
    });
  });

  it("refuse a request that lacks the value, in Kong's words", () => {
    const error = refusal(() => resolve({ modelName: "$(headers.x-source-model)" }));
    expect(error).toMatchObject({ status: 400, message: "headers key x-source-model was not provided" });
  });

  it("refuse a config that cannot be read", () => {
    expect(refusal(() => createProxyTarget(0, { modelName: "$(headers.x" }))).toMatchObject({
      code: "template_invalid",
    });
    expect(refusal(() => createProxyTarget(0, { modelName: "$(body.x)" })).message).toBe(
      "source 'body' is not supported",
    );
  });

  it("give the same object every time where there is nothing to fill in", () => {
    const target = createProxyTarget(0, { options: { upstream_url: "https://llm.local/x" } });
    expect(target.resolve(from(), "a")).toBe(target.resolve(from({ x: "1" }), "b"));
  });

  it("are shown as they are in the target's name", () => {
    expect(createProxyTarget(0, { modelName: "$(headers.x)" }).name).toBe("openai/$(headers.x)");
  });
});

describe("a target without a model name", () => {
  it("takes the client's", () => {
    expect(resolve({ modelName: undefined }, from(), "gpt-4o").model.name).toBe("gpt-4o");
    expect(createProxyTarget(0, { modelName: undefined }).name).toBe("openai/*");
  });

  it("refuses a request that names none, in Kong's words", () => {
    for (const model of [undefined, ""]) {
      const error = refusal(() => resolve({ modelName: undefined }, from(), model));
      expect(error).toMatchObject({
        status: 400,
        message: "model parameter not found in request, nor in gateway configuration",
      });
    }
  });

  it("does not keep one client's name for the next", () => {
    const target = createProxyTarget(0, { modelName: undefined });
    expect(target.resolve(from(), "one").model.name).toBe("one");
    expect(target.resolve(from(), "two").model.name).toBe("two");
  });
});

describe("a compiled target", () => {
  it("has the prices of its options, and none where they are not set", () => {
    expect(createProxyTarget(0, { options: { input_cost: 0.15, output_cost: 0.6 } })).toMatchObject({
      inputCost: 0.15,
      outputCost: 0.6,
    });
    expect(createProxyTarget(0)).toMatchObject({ inputCost: undefined, outputCost: undefined });
  });

  const listed = priceRow.parse({
    model: "m0",
    input: 3,
    output: 6,
    source: "https://vendor.example/prices",
    date: "2026-01-02",
    from: ["x"],
  });
  const withTable = (facts: Omit<TargetFacts, "prices">) =>
    createProxyTarget(0, {
      ...facts,
      prices: createTargetPrices("openai", modelOptions.parse(facts.options ?? {}), {
        find: (_, model) => (model === "m0" ? listed : undefined),
      }),
    });

  it("has the price table's price at the vendor's own host, and nowhere else", () => {
    expect(withTable({})).toMatchObject({ inputCost: 3, outputCost: 6, price: { source: "table" } });
    const at = (upstream_url: string) => withTable({ options: { upstream_url } });
    expect(at("https://api.openai.com/v1/other")).toMatchObject({ inputCost: 3 });
    for (const url of [
      "http://127.0.0.1:1/v1",
      "https://eu.api.openai.com/v1",
      "https://api.openai.com.evil.example",
    ])
      expect(at(url), url).toMatchObject({ inputCost: undefined, price: undefined });
    expect(at("http://127.0.0.1:1/v1").resolve(from(), undefined).price).toBeUndefined();
  });

  it("has the price of the model that each request names", () => {
    const target = withTable({ modelName: "$(headers.x-model)" });
    expect(target).toMatchObject({ inputCost: undefined, price: undefined });
    const priceOf = (model: string) => target.resolve(from({ "x-model": model }), undefined).price;
    expect(priceOf("m0")).toMatchObject({ source: "table", row: { model: "m0" } });
    expect(priceOf("m1")).toBeUndefined();
    expect(withTable({ modelName: undefined }).resolve(from(), "m0").price).toMatchObject({
      source: "table",
    });
  });

  it("has the price of the host that each request names", () => {
    const target = withTable({ options: { upstream_url: "https://$(headers.x-host)/v1" } });
    const priceAt = (host: string) => target.resolve(from({ "x-host": host }), undefined).price;
    expect(target.price).toBeUndefined();
    expect(priceAt("api.openai.com")).toMatchObject({ source: "table" });
    expect(priceAt("elsewhere.example")).toBeUndefined();
  });

  it("is frozen", () => {
    expect(Object.isFrozen(createProxyTarget(0))).toBe(true);
  });
});
