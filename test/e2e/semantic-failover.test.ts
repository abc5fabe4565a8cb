/** Groups of targets under semantic routing, and what happens when the embedder does not answer. */
import { afterEach, describe, expect, it } from "vitest";
import { type ConfigSource, type Stack, startStack } from "../support/gateway.ts";
import {
  type ConfigObject,
  chatConfig,
  chatUrl,
  openaiTarget,
  remoteEmbeddings,
  semanticBlocks,
} from "../support/gateway-config.ts";

const python = "Specialist in python";
const support = "Requests related to IT support";
const question = "How do I write a Python function?";

let stack: Stack;
afterEach(() => stack.close());

const target = (url: string, model: string, description: string, weight = 100, options: ConfigObject = {}) =>
  openaiTarget(chatUrl(url, model), { model, description, weight, options });

const balancer = { failover_criteria: ["error", "timeout", "http_500", "non_idempotent"] };

/** Two for python (75 and 25), one for support, one for the rest. */
function groups(blocks: ConfigObject): ConfigSource {
  return (url) =>
    chatConfig(
      [
        target(url, "heavy", python, 75),
        target(url, "light", python, 25),
        target(url, "support", support),
        target(url, "rest", "CATCHALL"),
      ],
      blocks,
    );
}

const fails = (model: string) => stack.simulator.behave({ match: { model }, behaviour: { status: 500 } });
const models = () =>
  stack.simulator
    .received()
    .filter(({ path }) => path.endsWith("/chat/completions"))
    .map(({ body }) => (body as { model: string }).model);

describe("a group of targets with one description", () => {
  it("shares its requests 75 to 25", async () => {
    stack = await startStack({ config: groups(semanticBlocks({ balancer })) });
    for (let i = 0; i < 100; i++) await stack.ask(question);
    const heavy = models().filter((model) => model === "heavy");
    expect(heavy).toHaveLength(75);
    expect(models().filter((model) => model === "light")).toHaveLength(25);
    // Evenly in between, not in blocks.
    expect(models().slice(0, 4).sort()).toEqual(["heavy", "heavy", "heavy", "light"]);
  });

  it("serves its prompts by the other member while one is down", async () => {
    stack = await startStack({ config: groups(semanticBlocks({ balancer })) });
    fails("heavy");
    for (let i = 0; i < 8; i++) {
      const answer = await stack.ask(question);
      expect(answer.headers["x-kong-llm-model"]).toBe("openai/light");
      expect(answer.headers["x-sluice-routing"]).toMatch(/^reason=matched/);
    }
  });

  it("hands over to CATCHALL when all of it is down, and the record says who was tried", async () => {
    stack = await startStack({ config: groups(semanticBlocks({ balancer })) });
    fails("heavy");
    fails("light");
    const answer = await stack.ask(question);
    expect(answer.headers["x-kong-llm-model"]).toBe("openai/rest");
    const { ai } = await answer.record();
    expect(ai?.proxy.tried_targets.map(({ model, status }) => [model, status])).toEqual([
      ["heavy", 500],
      ["light", 500],
      ["rest", 200],
    ]);
    expect(models()).not.toContain("support");
  });

  it("hands over to the next-nearest group first, where that is within the threshold too", async () => {
    stack = await startStack({ config: groups(semanticBlocks({ balancer, threshold: 1 })) });
    for (const model of ["heavy", "light", "support"]) fails(model);
    const answer = await stack.ask(question);
    expect(answer.headers["x-kong-llm-model"]).toBe("openai/rest");
    expect(models()).toEqual(["heavy", "light", "support", "rest"]);
  });

  it("is all that a client can get who names its alias", async () => {
    stack = await startStack({ config: groups(semanticBlocks({ balancer })) });
    const answer = await stack.ask("What's the weather like today?", { model: "light" });
    expect(answer.headers["x-kong-llm-model"]).toBe("openai/light");
    expect(answer.headers["x-sluice-routing"]).toBe("reason=only");
  });
});

describe("an embedder over HTTP", () => {
  const blocks = (url: string, semantic: ConfigObject = {}) =>
    semanticBlocks({
      embeddings: remoteEmbeddings(`${url}/v1/embeddings`),
      dimensions: 64,
      balancer: { ...balancer, semantic },
    });
  const targets = (url: string) => [target(url, "python", python), target(url, "rest", "CATCHALL")];
  const remote = (semantic?: ConfigObject) => (url: string) =>
    chatConfig(targets(url), blocks(url, semantic));
  const embedder = (behaviour: { status?: number; hang?: boolean }) =>
    stack.simulator.behave({ match: { path: "/v1/embeddings" }, behaviour });

  it.each([
    ["refuses", { status: 401 }],
    ["is down", { status: 500 }],
  ])("that %s sends prompts to CATCHALL, and header, record and metric say so", async (_name, behaviour) => {
    stack = await startStack({ config: remote() });
    expect((await stack.ask(question)).headers["x-kong-llm-model"]).toBe("openai/python");
    embedder(behaviour);
    const answer = await stack.ask("How do I read a file in Python?");
    expect(answer.status).toBe(200);
    expect(answer.headers["x-kong-llm-model"]).toBe("openai/rest");
    expect(answer.headers["x-sluice-routing"]).toBe("reason=fallback");
    const { ai } = await answer.record();
    expect(ai?.proxy.routing).toMatchObject({
      reason: "fallback",
      detail: expect.stringContaining(String(behaviour.status)),
    });
    expect(stack.metrics()).toContain('sluice_routing_decisions_total{route="chat",reason="fallback"} 1');
  });

  it("is not asked about a prompt that it has embedded before it went down", async () => {
    stack = await startStack({ config: remote() });
    await stack.ask(question);
    embedder({ status: 500 });
    const answer = await stack.ask(question);
    expect(answer.headers["x-kong-llm-model"]).toBe("openai/python");
  });

  it("that hangs costs a request no more than balancer.semantic.timeout", async () => {
    stack = await startStack({ config: remote({ timeout: 120 }) });
    embedder({ hang: true });
    const startedAt = performance.now();
    const answer = await stack.ask("How do I read a file in Python?");
    const tookMs = performance.now() - startedAt;
    expect(answer.headers["x-sluice-routing"]).toBe("reason=fallback");
    expect(tookMs).toBeGreaterThanOrEqual(115);
    expect(tookMs).toBeLessThan(15_000); // without the setting the embedder is waited for
  });

  it("that goes on hanging is given up for a while, so that requests stop waiting, and the log says so", async () => {
    stack = await startStack({ config: remote({ timeout: 40 }) });
    embedder({ hang: true });
    for (let i = 0; i < 6; i++) await stack.ask(`Question ${i} on Python`);
    const embeddings = () =>
      stack.simulator.received().filter(({ path }) => path === "/v1/embeddings").length;
    const before = embeddings();
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => stack.ask(`More ${i} on Python`)));
    for (const answer of answers) expect(answer.headers["x-sluice-routing"]).toBe("reason=fallback");
    expect(embeddings()).toBe(before);
    const warnings = stack.log.filter(({ level }) => level === "warn");
    expect(warnings).toHaveLength(1);
    expect(JSON.stringify(warnings)).toContain("text-embedding-3-small");
    expect(JSON.stringify(warnings)).not.toContain("on Python");
  });

  it("that was down when the gateway started does not keep it from starting", async () => {
    stack = await startStack({
      config: remote(),
      simulator: { script: ({ path }) => (path === "/v1/embeddings" ? { status: 401 } : undefined) },
    });
    const answer = await stack.ask(question);
    expect(answer.headers["x-kong-llm-model"]).toBe("openai/rest");
    const { ai } = await answer.record();
    expect(ai?.proxy.routing?.detail).toBe("the descriptions are not embedded yet");
    expect(stack.log).toContainEqual(
      expect.objectContaining({
        level: "warn",
        message: "descriptions could not be embedded; routing falls back until they are",
      }),
    );
  });

  it("that is down sends prompts to the cheapest target where there is no CATCHALL", async () => {
    stack = await startStack({
      config: (url) =>
        chatConfig(
          [
            target(url, "unpriced", python, 900),
            target(url, "dear", python, 100, { input_cost: 5, output_cost: 10 }),
            target(url, "cheap", support, 1, { input_cost: 1, output_cost: 2 }),
          ],
          blocks(url),
        ),
    });
    embedder({ status: 401 });
    fails("cheap");
    const answer = await stack.ask("How do I read a file in Python?");
    expect(answer.headers["x-kong-llm-model"]).toBe("openai/dear");
    expect(models()).toEqual(["cheap", "dear"]);
  });
});
