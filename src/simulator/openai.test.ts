import OpenAI from "openai";
import type { ChatCompletionTool } from "openai/resources/chat/completions";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Simulator, startSimulator } from "./simulator.ts";

let simulator: Simulator;
let client: OpenAI;

beforeAll(async () => {
  simulator = await startSimulator({ now: () => 1_760_000_000_000, apiKey: "sk-right" });
  client = new OpenAI({ apiKey: "sk-right", baseURL: `${simulator.url}/v1`, maxRetries: 0 });
});
beforeEach(() => simulator.reset());
afterAll(() => simulator.close());

async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

const user = (content: string) => ({ role: "user" as const, content });
const weather: ChatCompletionTool = {
  type: "function",
  function: {
    name: "get_weather",
    parameters: {
      type: "object",
      properties: { city: { type: "string" }, days: { type: "integer" } },
      required: ["city", "days"],
    },
  },
};

describe("chat completions", () => {
  it("answer as the vendor does, the same every time", async () => {
    const request = { model: "gpt-4o", messages: [user("Write a Python function")] };
    const answer = await client.chat.completions.create(request);
    expect(answer).toMatchObject({
      object: "chat.completion",
      created: 1_760_000_000,
      model: "gpt-4o",
      choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", refusal: null } }],
    });
    expect(answer.id).toMatch(/^chatcmpl-\w{29}$/);
    const {
      prompt_tokens: prompt = 0,
      completion_tokens: completion = 0,
      total_tokens: total,
    } = answer.usage ?? {};
    expect(prompt).toBeGreaterThan(8);
    expect(total).toBe(prompt + completion);
    const again = await client.chat.completions.create(request);
    expect(again.choices).toEqual(answer.choices);
    expect(again.id).not.toBe(answer.id);
  });

  it.each(["max_tokens", "max_completion_tokens"])("stop at %s", async (name) => {
    const answer = await client.chat.completions.create({
      model: "gpt-4o",
      messages: [user("Tell me a story")],
      [name]: 5,
    });
    expect(answer.choices[0]?.finish_reason).toBe("length");
    expect(answer.usage?.completion_tokens).toBe(5);
  });

  it("give as many choices as asked for, each its own", async () => {
    const answer = await client.chat.completions.create({
      model: "gpt-4o",
      messages: [user("Tell me a story")],
      n: 3,
    });
    expect(answer.choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(new Set(answer.choices.map(({ message }) => message.content)).size).toBe(3);
  });

  it("count reasoning for models that reason", async () => {
    const answer = await client.chat.completions.create({
      model: "o4-mini",
      messages: [user("Why?")],
      max_completion_tokens: 64,
    });
    const reasoning = answer.usage?.completion_tokens_details?.reasoning_tokens ?? 0;
    expect(reasoning).toBeGreaterThan(0);
    expect(answer.usage?.completion_tokens).toBeGreaterThan(reasoning);
  });

  it("stream what they would have answered whole", async () => {
    const request = { model: "gpt-4o", messages: [user("Write a short poem about the beauty of autumn")] };
    const whole = await client.chat.completions.create(request);
    const stream = await client.chat.completions.create({
      ...request,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await collect(stream);
    expect(chunks[0]?.choices[0]?.delta).toEqual({ role: "assistant", content: "", refusal: null });
    const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");
    expect(text).toBe(whole.choices[0]?.message.content);
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe("stop");
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: whole.usage?.total_tokens } });
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
  });

  it("stream no usage that was not asked for", async () => {
    const stream = await client.chat.completions.create({
      model: "gpt-4o",
      messages: [user("Hi")],
      stream: true,
    });
    const chunks = await collect(stream);
    expect(chunks.some((chunk) => "usage" in chunk)).toBe(false);
  });

  it("call tools, then tell what the tools said", async () => {
    const messages = [user("What's the weather in San Francisco?")];
    const first = await client.chat.completions.create({ model: "gpt-4o", messages, tools: [weather] });
    const [choice] = first.choices;
    expect(choice?.finish_reason).toBe("tool_calls");
    expect(choice?.message.content).toBeNull();
    const call = choice?.message.tool_calls?.[0];
    expect(call).toMatchObject({
      type: "function",
      function: { name: "get_weather", arguments: '{"city":"San Francisco","days":1}' },
    });
    const second = await client.chat.completions.create({
      model: "gpt-4o",
      messages: [
        ...messages,
        { role: "assistant", tool_calls: call === undefined ? [] : [call] },
        { role: "tool", tool_call_id: call?.id ?? "", content: "21 degrees, sunny" },
      ],
      tools: [weather],
    });
    expect(second.choices[0]?.message.content).toContain("21 degrees, sunny");
    expect(second.choices[0]?.finish_reason).toBe("stop");
  });

  it("stream tool calls in pieces", async () => {
    const stream = await client.chat.completions.create({
      model: "gpt-4o",
      messages: [user("Weather in Paris")],
      tools: [weather],
      stream: true,
    });
    const calls = (await collect(stream)).flatMap((chunk) => chunk.choices[0]?.delta.tool_calls ?? []);
    expect(calls[0]).toMatchObject({
      index: 0,
      type: "function",
      function: { name: "get_weather", arguments: "" },
    });
    expect(calls.length).toBeGreaterThan(3);
    expect(calls.slice(1).every((call) => call.id === undefined)).toBe(true);
    expect(JSON.parse(calls.map((call) => call.function?.arguments).join(""))).toEqual({
      city: "Paris",
      days: 1,
    });
  });

  it.each([
    ["none", undefined, "stop"],
    ["required", "get_weather", "tool_calls"],
    [{ type: "function" as const, function: { name: "get_weather" } }, "get_weather", "stop"],
  ] as const)("honour the tool choice %j", async (choice, name, reason) => {
    const request = {
      model: "gpt-4o",
      messages: [user("Hello there")],
      tools: [weather],
      tool_choice: choice,
    };
    const answer = await client.chat.completions.create(request);
    const call = answer.choices[0]?.message.tool_calls?.[0];
    expect(call?.type === "function" ? call.function.name : undefined).toBe(name);
    expect(answer.choices[0]?.finish_reason).toBe(reason);
  });

  it("fill a JSON schema", async () => {
    const schema = {
      type: "object",
      properties: { place: { type: "string" } },
      required: ["place"],
      additionalProperties: false,
    };
    const answer = await client.chat.completions.create({
      model: "gpt-4o",
      messages: [user("Where is Berlin?")],
      response_format: { type: "json_schema", json_schema: { name: "place", schema, strict: true } },
    });
    expect(JSON.parse(answer.choices[0]?.message.content ?? "")).toEqual({ place: "Berlin" });
  });

  it("serve Azure's paths, whose model is the deployment", async () => {
    const answer = await fetch(
      `${simulator.url}/openai/deployments/my%20gpt/chat/completions?api-version=1`,
      {
        method: "POST",
        headers: { "api-key": "sk-right" },
        body: JSON.stringify({ messages: [user("Hi")] }),
      },
    );
    expect(await answer.json()).toMatchObject({ model: "my gpt" });
    expect(simulator.received()[0]).toMatchObject({ query: "api-version=1", credentialHeaders: ["api-key"] });
  });

  it("answer under the dated name when told to", async () => {
    const dated = await startSimulator({ now: () => 0, datedModels: true });
    const other = new OpenAI({ apiKey: "any", baseURL: `${dated.url}/v1`, maxRetries: 0 });
    const name = async (model: string) =>
      (await other.chat.completions.create({ model, messages: [user("Hi")] })).model;
    expect(await name("gpt-4o")).toBe("gpt-4o-2026-01-15");
    expect(await name("gpt-4o-2024-08-06")).toBe("gpt-4o-2024-08-06");
    await dated.close();
  });
});
