/** The main job: every prompt reaches the model it fits, with that model's options, and leaves a record without words or keys. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Stack, startStack } from "../support/gateway.ts";

const key = "sk-live-7c2a91-never-to-be-seen";

const python = { model: "gpt-3.5-turbo", max_tokens: 826, temperature: 0, input: 0.5, output: 1.5 };
const support = { model: "gpt-4o", max_tokens: 512, temperature: 0.3, input: 2.5, output: 10 };
const catchall = { model: "gpt-4o-mini", max_tokens: 256, temperature: 1, input: 0.15, output: 0.6 };

type Expected = typeof python;

const nine: readonly (readonly [string, Expected])[] = [
  ["How do I write a Python function?", python],
  ["Optimize this Python code snippet for speed", python],
  ["How to implement a custom iterator class in Python", python],
  ["How do I reset my corporate email password?", support],
  ["My VPN keeps disconnecting; help me troubleshoot it?", support],
  ["How do I configure two-factor authentication on Windows 10 for our company network?", support],
  ["What's the weather like today?", catchall],
  ["Write a short poem about the beauty of autumn.", catchall],
  ["Can you suggest some tips for improving creativity?", catchall],
];

/** The prompts of the how-to on saving costs, with its own descriptions. */
const seven: readonly (readonly [string, Expected])[] = [
  ["factorial in Python", python],
  ["a custom iterator class in Python", python],
  ["List methods to iterate over x instances of n in Python", python],
  ["How can I configure my corporate VPN?", support],
  ["How do I configure two-factor authentication on my corporate laptop?", support],
  ["What is qubit?", catchall],
  ["What is doppelganger effect?", catchall],
];

function example(name: string): string {
  return readFileSync(new URL(`../../examples/${name}/gateway.yaml`, import.meta.url), "utf8");
}

function withHowToDescriptions(text: string): string {
  const changed = text
    .replace("Specialist in python", "Expert in Python programming.")
    .replace("Requests related to IT support", "All IT support questions.");
  if (!changed.includes("Expert in Python") || !changed.includes("All IT support"))
    throw new Error("the example has other descriptions now: mend this test");
  return changed;
}

/** The example's text with the simulator's addresses in place of the variables. */
function configured(text: string) {
  return (simulatorUrl: string) =>
    text
      .replaceAll('${{ env "DECK_OPENAI_CHAT_URL" }}', `${simulatorUrl}/v1/chat/completions`)
      .replaceAll('${{ env "DECK_OPENAI_EMBEDDINGS_URL" }}', `${simulatorUrl}/v1/embeddings`);
}

const variants = [
  { name: "with the embedder in the process", file: "semantic-local", embedder: "local" },
  { name: "with embeddings over HTTP", file: "semantic-openai", embedder: "openai" },
] as const;

describe.each(variants)("the scenario $name", ({ file }) => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack({
      config: configured(example(file)),
      env: { DECK_OPENAI_API_KEY: key },
      simulator: { apiKey: key },
    });
  });
  afterAll(() => stack.close());

  const ask = (prompt: string, more: Record<string, unknown> = {}) =>
    stack.send({
      path: "/anything",
      headers: { authorization: "Bearer sk-client-own-credential", cookie: "session=abc" },
      body: { messages: [{ role: "user", content: prompt }], ...more },
    });

  it.each(nine)("sends “%s” where it belongs, with that target's options and key", async (prompt, target) => {
    const answer = await ask(prompt);
    expect(answer.status).toBe(200);
    expect(answer.headers["x-kong-llm-model"]).toBe(`openai/${target.model}`);
    expect(answer.headers["x-sluice-routing"]).toMatch(
      target === catchall
        ? /^reason=catchall; distance=\d\.\d{3}; threshold=0\.7; margin=\d\.\d{3}$/
        : /^reason=matched; distance=0\.\d{3}; threshold=0\.7; margin=\d\.\d{3}$/,
    );
    expect(answer.json()["model"]).toBe(target.model);

    const sent = stack.simulator.received().findLast(({ path }) => path === "/v1/chat/completions");
    expect(sent?.body).toMatchObject({
      model: target.model,
      max_tokens: target.max_tokens,
      temperature: target.temperature,
      messages: [{ role: "user", content: prompt }],
    });
    expect(sent?.headers["authorization"]).toBe(`Bearer ${key}`);
    expect(sent?.headers["cookie"]).toBeUndefined();
  });

  it("writes a record with the decision, the tokens and the cost", async () => {
    const record = await (await ask("How do I write a Python function?")).record();
    const proxy = record.ai?.proxy;
    const usage = proxy?.usage;
    expect(proxy?.meta).toMatchObject({
      provider_name: "openai",
      request_model: python.model,
      response_model: python.model,
      request_mode: "oneshot",
    });
    expect(proxy?.routing).toMatchObject({
      algorithm: "semantic",
      reason: "matched",
      threshold: 0.7,
      metric: "cosine",
    });
    expect(proxy?.routing?.groups.map(({ description, within }) => [description, within])).toEqual([
      ["Specialist in python", true],
      ["Requests related to IT support", false],
    ]);
    expect(usage?.prompt_tokens).toBeGreaterThan(0);
    expect(usage?.completion_tokens).toBeGreaterThan(0);
    expect(usage?.cost_known).toBe(true);
    const expected =
      ((usage?.prompt_tokens ?? 0) * python.input + (usage?.completion_tokens ?? 0) * python.output) / 1e6;
    expect(usage?.cost).toBeCloseTo(expected, 12);
    expect(record.tries).toHaveLength(1);
    expect(record.response.status).toBe(200);
    expect(record.source).toBe("upstream");
  });

  it("lets a client lower max_tokens but not raise it, and choose its own temperature", async () => {
    await ask("How do I write a Python function?", { max_tokens: 5000, temperature: 0.9 });
    expect(stack.simulator.received().at(-1)?.body).toMatchObject({ max_tokens: 826, temperature: 0.9 });
    await ask("How do I write a Python function?", { max_tokens: 12 });
    expect(stack.simulator.received().at(-1)?.body).toMatchObject({ max_tokens: 12, temperature: 0 });
  });

  it("says no prompt, no answer and no key in records, logs or metrics", async () => {
    const answer = await ask("Wie lautet das Geheimnis von Schloss Xanadu?");
    await answer.record();
    const { choices } = answer.json() as { choices: { message: { content: string } }[] };
    const said = JSON.stringify([stack.records, stack.log]) + stack.metrics();
    expect(said).toContain("request_model");
    for (const secret of [key, "sk-client-own-credential", "session=abc", "Xanadu", ...nine.map(([p]) => p)])
      expect(said).not.toContain(secret);
    expect(said).not.toContain(choices[0]?.message.content.slice(0, 30));
  });

  it("routes a short follow-up like the question before it", async () => {
    const messages = [
      { role: "user", content: "How do I write a Python function?" },
      { role: "assistant", content: "With def. Shall I show you?" },
      { role: "user", content: "yes, go on" },
    ];
    const answer = await stack.send({ path: "/anything", body: { messages } });
    expect(answer.headers["x-kong-llm-model"]).toBe("openai/gpt-3.5-turbo");
    expect(answer.headers["x-sluice-routing"]).toMatch(/; inherited$/);
  });

  it("routes by what a person wrote and not by what a harness put around it", async () => {
    const noise = `<system-reminder>${"The Python interpreter is installed. ".repeat(50)}</system-reminder>`;
    const answer = await ask(`${noise}\nMy VPN keeps disconnecting; help me troubleshoot it?`);
    expect(answer.headers["x-kong-llm-model"]).toBe("openai/gpt-4o");
  });
});

describe.each(variants)("the prompts of the how-to $name", ({ file }) => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack({
      config: configured(withHowToDescriptions(example(file))),
      env: { DECK_OPENAI_API_KEY: key },
    });
  });
  afterAll(() => stack.close());

  it.each(seven)("sends “%s” where it belongs", async (prompt, { model }) => {
    const answer = await stack.send({
      path: "/anything",
      body: { messages: [{ role: "user", content: prompt }] },
    });
    expect(answer.headers["x-kong-llm-model"]).toBe(`openai/${model}`);
  });
});

describe("embeddings over HTTP", () => {
  it("are asked for once per description and once per prompt, in the configured length", async () => {
    const stack = await startStack({
      config: configured(example("semantic-openai")),
      env: { DECK_OPENAI_API_KEY: key },
    });
    try {
      const embedded = () =>
        stack.simulator
          .received()
          .filter(({ path }) => path === "/v1/embeddings")
          .map(({ body }) => body as { input: string[]; dimensions: number; model: string });
      expect(embedded().flatMap(({ input }) => input)).toEqual([
        "Specialist in python",
        "Requests related to IT support",
      ]);
      for (let i = 0; i < 3; i++)
        await stack.send({
          path: "/anything",
          body: { messages: [{ role: "user", content: "What is a list?" }] },
        });
      const asked = embedded();
      expect(asked.at(-1)).toMatchObject({ model: "text-embedding-3-small", dimensions: 1024 });
      expect(asked.flatMap(({ input }) => input).filter((text) => text === "What is a list?")).toHaveLength(
        1,
      );
    } finally {
      await stack.close();
    }
  });
});
