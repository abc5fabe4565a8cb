import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Behaviour } from "./behaviour.ts";
import { type Simulator, startSimulator } from "./simulator.ts";

let simulator: Simulator;
beforeAll(async () => {
  simulator = await startSimulator({ now: () => 0 });
});
afterAll(() => simulator.close());

const messages = [{ role: "user", content: "Hi" }];
const vendors = {
  openai: { path: "/v1/chat/completions", body: { model: "gpt-4o", messages } },
  anthropic: { path: "/v1/messages", body: { model: "claude", max_tokens: 500, messages } },
};

async function ask(vendor: keyof typeof vendors, behaviour: Behaviour) {
  const { path, body } = vendors[vendor];
  simulator.behave({ behaviour, times: 1 });
  const headers = { "anthropic-version": "2023-06-01" };
  const answer = await fetch(simulator.url + path, { method: "POST", headers, body: JSON.stringify(body) });
  return (await answer.json()) as {
    choices: { message: { content: string } }[];
    usage: Record<string, number>;
  };
}

describe("content", () => {
  it.each(["Exactly this.", ""])("is %j where the knob says so", async (content) => {
    expect((await ask("openai", { content })).choices[0]?.message.content).toBe(content);
  });
});

describe("usage", () => {
  const counts = { outputTokens: 33, cachedTokens: 2, reasoningTokens: 10 };

  it("has what the knobs say in OpenAI's fields", async () => {
    expect((await ask("openai", counts)).usage).toMatchObject({
      completion_tokens: 43,
      prompt_tokens_details: { cached_tokens: 2 },
      completion_tokens_details: { reasoning_tokens: 10 },
    });
  });

  it("has what the knobs say in Anthropic's fields, where cached tokens are counted apart", async () => {
    const { input_tokens: input = 0 } = (await ask("anthropic", {})).usage;
    expect((await ask("anthropic", counts)).usage).toMatchObject({
      output_tokens: 43,
      input_tokens: input - 2,
      cache_read_input_tokens: 2,
    });
    expect((await ask("anthropic", { cachedTokens: 1e9 })).usage).toMatchObject({ input_tokens: 0 });
  });
});
