import { afterEach, describe, expect, it } from "vitest";
import { parseExposition, type ScrapedFamily, sumOf } from "../../../test/support/exposition.ts";
import { readConfig, type Stack, startStack } from "../../../test/support/gateway.ts";
import { type ConfigObject, chatUrl, openaiTarget } from "../../../test/support/gateway-config.ts";
import { formatProblem, loadConfig } from "../../config/load.ts";
import { plugins } from "../index.ts";

const allOn = {
  status_code_metrics: true,
  latency_metrics: true,
  bandwidth_metrics: true,
  ai_metrics: true,
  upstream_health_metrics: true,
  per_consumer: true,
};

/** Two routes to models, of which one asks for a key, and these plugins. */
function configOf(simulator: string, more: readonly ConfigObject[]): ConfigObject {
  const targets = [openaiTarget(chatUrl(simulator), { options: { input_cost: 1, output_cost: 1 } })];
  return {
    _format_version: "3.0",
    services: [
      {
        name: "llm",
        url: "http://localhost",
        routes: [
          { name: "chat", paths: ["/chat"] },
          { name: "open", paths: ["/open"] },
        ],
      },
    ],
    consumers: [
      { username: "alice", keyauth_credentials: [{ key: "alice-key" }] },
      { username: "bob", keyauth_credentials: [{ key: "bob-key" }] },
    ],
    plugins: [
      { name: "key-auth", route: "chat" },
      { name: "ai-proxy-advanced", service: "llm", config: { targets } },
      ...more,
    ],
  };
}

let stack: Stack | undefined;
afterEach(() => stack?.close());

/** What is counted after a request by each of alice and bob, one to the open route, and one to none. */
async function scrapeWith(...more: readonly ConfigObject[]): Promise<ReadonlyMap<string, ScrapedFamily>> {
  stack = await startStack({ config: (simulator) => configOf(simulator, more) });
  const body = { messages: [{ role: "user", content: "Hi" }] };
  for (const key of ["alice-key", "bob-key"]) await stack.send({ headers: { apikey: key }, body });
  await stack.send({ path: "/open", body });
  const last = await stack.send({ path: "/nowhere", body });
  await last.record();
  return parseExposition(stack.metrics());
}

const prometheus = (config: ConfigObject, scope: ConfigObject = {}) => ({
  name: "prometheus",
  config,
  ...scope,
});
const kongNames = (families: ReadonlyMap<string, ScrapedFamily>) =>
  [...families.values()]
    .filter(({ name, samples }) => name.startsWith("kong_") && samples.length > 0)
    .map(({ name }) => name.replace("kong_", ""));
const requestsBy = (families: ReadonlyMap<string, ScrapedFamily>, labels: Record<string, string> = {}) =>
  sumOf(families, "kong_http_requests_total", labels);

describe("without any prometheus plugin", () => {
  it("everything is counted", async () => {
    const families = await scrapeWith();
    expect(kongNames(families)).toHaveLength(9);
    expect(requestsBy(families)).toBe(4);
    expect(requestsBy(families, { consumer: "alice" })).toBe(1);
    expect(sumOf(families, "kong_ai_llm_requests_total", { consumer: "bob" })).toBe(1);
  });
});

describe("with a global prometheus plugin", () => {
  it.each([
    ["status_code_metrics", ["http_requests_total"]],
    ["latency_metrics", ["request_latency_ms", "kong_latency_ms", "upstream_latency_ms"]],
    ["bandwidth_metrics", ["bandwidth_bytes"]],
    [
      "ai_metrics",
      ["ai_llm_requests_total", "ai_llm_cost_total", "ai_llm_tokens_total", "ai_llm_provider_latency_ms"],
    ],
  ])("%s alone brings its own metrics and no others, without consumers", async (flag, names) => {
    const families = await scrapeWith(prometheus({ [flag]: true }));
    expect(kongNames(families)).toEqual(names);
    expect(stack?.metrics()).not.toMatch(/consumer="[^"]/);
  });

  it("requests that match no route are counted too", async () => {
    const families = await scrapeWith(prometheus(allOn));
    expect(requestsBy(families, { route: "", code: "404" })).toBe(1);
    expect(requestsBy(families)).toBe(4);
  });

  it("per_consumer says who called", async () => {
    const families = await scrapeWith(prometheus(allOn));
    for (const name of ["kong_http_requests_total", "kong_bandwidth_bytes", "kong_ai_llm_tokens_total"])
      expect(sumOf(families, name, { consumer: "alice" })).toBeGreaterThan(0);
  });

  it("ours are counted all the same", async () => {
    const families = await scrapeWith(prometheus({}));
    expect(kongNames(families)).toEqual([]);
    expect(sumOf(families, "sluice_routing_decisions_total")).toBe(3);
  });
});

describe("with prometheus plugins for some requests", () => {
  it("of a route only that route's are counted", async () => {
    const families = await scrapeWith(prometheus(allOn, { route: "open" }));
    expect(requestsBy(families)).toBe(1);
    expect(requestsBy(families, { route: "open" })).toBe(1);
  });

  it("of a service all of its routes' are, and those without a route are not", async () => {
    const families = await scrapeWith(prometheus(allOn, { service: "llm" }));
    expect(requestsBy(families)).toBe(3);
  });

  it("of a consumer only that consumer's are", async () => {
    const families = await scrapeWith(prometheus(allOn, { consumer: "alice" }));
    expect(requestsBy(families)).toBe(1);
    expect(requestsBy(families, { consumer: "alice" })).toBe(1);
  });

  it("the narrowest decides", async () => {
    const families = await scrapeWith(
      prometheus({ ...allOn, per_consumer: false }),
      prometheus(allOn, { consumer: "bob" }),
      prometheus({ ai_metrics: true }, { route: "open" }),
    );
    expect(requestsBy(families, { route: "chat", consumer: "" })).toBe(1);
    expect(requestsBy(families, { route: "chat", consumer: "bob" })).toBe(1);
    expect(requestsBy(families, { route: "open" })).toBe(0);
    expect(sumOf(families, "kong_ai_llm_requests_total")).toBe(3);
  });

  it("a reload changes what is counted from then on", async () => {
    await scrapeWith(prometheus(allOn));
    const running = stack;
    await running?.reload((simulator) => configOf(simulator, [prometheus({ ai_metrics: true })]));
    const answer = await running?.send({
      path: "/open",
      body: { messages: [{ role: "user", content: "Hi" }] },
    });
    await answer?.record();
    const families = parseExposition(running?.metrics() ?? "");
    expect(requestsBy(families)).toBe(4);
    expect(sumOf(families, "kong_ai_llm_requests_total")).toBe(4);
  });
});

describe("a config", () => {
  const problems = (config: ConfigObject) =>
    loadConfig(JSON.stringify(configOf("http://localhost", [prometheus(config)])), {
      file: "f",
      env: {},
      plugins,
    }).problems.map((problem) => `${problem.severity} ${formatProblem(problem)}`);

  it("with something on is fine", () => {
    expect(problems({ ai_metrics: true })).toEqual([]);
  });

  it("with nothing but the health of upstreams on is fine too", () => {
    expect(problems({ upstream_health_metrics: true })).toEqual([]);
  });

  it("with nothing on is told that it counts less than none at all", () => {
    expect(problems({})).toEqual([
      expect.stringMatching(/^warning .*without any plugin of this name all are on/),
    ]);
  });

  it("is told what is not there to be counted", () => {
    const told = problems({ ai_metrics: true, upstream_health_metrics: true, wasm_metrics: true });
    expect(told).toEqual([expect.stringMatching(/^notice .*wasm_metrics/)]);
  });

  it("is described in words", () => {
    const read = readConfig(configOf("http://localhost", [prometheus(allOn)]), "", {});
    const entry = read.plugins.find(({ name }) => name === "prometheus");
    const made = (config: ConfigObject) =>
      // It uses nothing of the world.
      entry?.definition.create({ ...allOn, ...config }, undefined as never, undefined as never);
    expect(made({})?.describe?.()).toEqual([
      "counts status codes, latencies, bytes, models, targets of upstreams, by consumer",
    ]);
    const off = { ...Object.fromEntries(Object.keys(allOn).map((flag) => [flag, false])) };
    expect(made(off)?.describe?.()).toEqual(["counts nothing under Kong's names"]);
  });
});
