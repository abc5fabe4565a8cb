/** The clients that people have: the OpenAI SDK and LangChain. */
import { AIMessageChunk, HumanMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI } from "@langchain/openai";
import OpenAI, { APIError } from "openai";
import type { ChatCompletionMessageParam, ChatCompletionTool } from "openai/resources/chat/completions";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { type Stack, startStack } from "../support/gateway.ts";
import {
  anthropicTarget,
  chatUrl,
  openaiTarget,
  semanticBlocks,
  targetKey,
} from "../support/gateway-config.ts";

const weather: ChatCompletionTool = {
  type: "function",
  function: {
    name: "get_weather",
    description: "The weather in a city",
    parameters: {
      type: "object",
      properties: { city: { type: "string" }, unit: { type: "string", enum: ["C", "F"] } },
      required: ["city", "unit"],
    },
  },
};

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({
    config: (url) => ({
      _format_version: "3.0",
      routes: [
        { name: "auto", paths: ["/v1/chat/completions"] },
        { name: "claude", paths: ["/claude/v1"] },
      ],
      plugins: [
        {
          name: "ai-proxy-advanced",
          route: "auto",
          config: {
            ...semanticBlocks({}),
            targets: [
              openaiTarget(chatUrl(url), { model: "gpt-4o", description: "Specialist in python" }),
              openaiTarget(chatUrl(url), { model: "gpt-4o-mini", description: "CATCHALL", alias: "small" }),
            ],
          },
        },
        {
          name: "ai-proxy-advanced",
          route: "claude",
          config: { targets: [anthropicTarget(`${url}/v1/messages`, { model: "claude-haiku-4-5" })] },
        },
      ],
    }),
    simulator: { apiKey: targetKey },
  });
});
beforeEach(() => stack.simulator.reset());
afterAll(() => stack.close());

const dialects = [
  { dialect: "OpenAI", base: "/v1" },
  { dialect: "Anthropic", base: "/claude/v1" },
] as const;

const openai = (base = "/v1") =>
  new OpenAI({ baseURL: `${stack.url}${base}`, apiKey: "sk-of-the-client", maxRetries: 0 });

describe.each(dialects)("the OpenAI SDK before a target that speaks $dialect", ({ base }) => {
  const ask = (messages: readonly ChatCompletionMessageParam[]) => ({
    model: "auto",
    messages: [...messages],
  });

  it("gets an answer", async () => {
    const answer = await openai(base).chat.completions.create(ask([{ role: "user", content: "Say hello" }]));
    expect(answer.object).toBe("chat.completion");
    expect(answer.choices[0]?.message).toMatchObject({ role: "assistant", content: expect.any(String) });
    expect(answer.choices[0]?.finish_reason).toBe("stop");
    const { prompt_tokens = 0, completion_tokens = 0, total_tokens } = answer.usage ?? {};
    expect(prompt_tokens).toBeGreaterThan(0);
    expect(total_tokens).toBe(prompt_tokens + completion_tokens);
  });

  it("streams an answer, with usage", async () => {
    const stream = await openai(base).chat.completions.create({
      ...ask([{ role: "user", content: "Tell me about ships" }]),
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = "";
    let pieces = 0;
    let tokens = 0;
    for await (const chunk of stream) {
      const piece = chunk.choices[0]?.delta.content ?? "";
      text += piece;
      if (piece !== "") pieces++;
      tokens = chunk.usage?.completion_tokens ?? tokens;
    }
    expect(text.length).toBeGreaterThan(20);
    expect(pieces).toBeGreaterThan(3);
    expect(tokens).toBeGreaterThan(0);
  });

  it("calls a tool, answers it, and gets the last word", async () => {
    const question: ChatCompletionMessageParam = { role: "user", content: "What is the weather in Oslo?" };
    const first = await openai(base).chat.completions.create({ ...ask([question]), tools: [weather] });
    const message = first.choices[0]?.message;
    const call = message?.tool_calls?.[0];
    expect(first.choices[0]?.finish_reason).toBe("tool_calls");
    if (message === undefined || call?.type !== "function") throw new Error("no tool was called");
    expect(call.function.name).toBe("get_weather");
    expect(JSON.parse(call.function.arguments)).toHaveProperty("city");
    const second = await openai(base).chat.completions.create({
      ...ask([question, message, { role: "tool", tool_call_id: call.id, content: "Rain, 7 degrees" }]),
      tools: [weather],
    });
    expect(second.choices[0]?.finish_reason).toBe("stop");
    expect(second.choices[0]?.message.content).toContain("Rain, 7 degrees");
  });

  it("streams a tool call whose pieces make up JSON", async () => {
    const runner = openai(base).chat.completions.stream({
      ...ask([{ role: "user", content: "What is the weather in Oslo?" }]),
      tools: [weather],
    });
    let pieces = 0;
    runner.on("tool_calls.function.arguments.delta", () => pieces++);
    const answer = await runner.finalChatCompletion();
    const call = answer.choices[0]?.message.tool_calls?.[0];
    expect(answer.choices[0]?.finish_reason).toBe("tool_calls");
    expect(call?.id).toMatch(/^(call|toolu)_/);
    expect(JSON.parse(call?.function.arguments ?? "")).toMatchObject({
      city: expect.any(String),
      unit: expect.stringMatching(/^[CF]$/),
    });
    expect(pieces).toBeGreaterThan(1);
  });

  it("sees a broken stream as an error and not as an end", async () => {
    stack.simulator.behave({ behaviour: { cutAfterChunks: 4 } });
    const stream = await openai(base).chat.completions.create({
      ...ask([{ role: "user", content: "Tell me about ships" }]),
      stream: true,
    });
    const reading = (async () => {
      for await (const _chunk of stream);
    })();
    await expect(reading).rejects.toThrow("the upstream closed the stream before the answer was complete");
    await expect(reading).rejects.toBeInstanceOf(APIError);
  });

  it("that gives up in mid-stream stops the vendor", async () => {
    stack.simulator.behave({ behaviour: { outputTokens: 3000, perTokenMs: 1 } });
    const stream = await openai(base).chat.completions.create({
      ...ask([{ role: "user", content: "Tell me everything" }]),
      stream: true,
    });
    for await (const _chunk of stream) break;
    await expect.poll(() => stack.simulator.received().at(-1)?.aborted).toBe(true);
  });
});

describe("the OpenAI SDK", () => {
  const messages: ChatCompletionMessageParam[] = [
    { role: "user", content: "How do I write a Python function?" },
  ];

  it.each([
    ["auto", "gpt-4o"],
    ["small", "gpt-4o-mini"],
    ["gpt-4o-mini", "gpt-4o-mini"],
  ])("asking for model %s gets %s", async (model, expected) => {
    const { data, response } = await openai().chat.completions.create({ model, messages }).withResponse();
    expect(data.model).toBe(expected);
    expect(response.headers.get("x-kong-llm-model")).toBe(`openai/${expected}`);
  });

  it("never gets its own key to the vendor", async () => {
    await openai().chat.completions.create({ model: "auto", messages });
    const headers = stack.simulator.received().at(-1)?.headers;
    expect(headers?.["authorization"]).toBe(`Bearer ${targetKey}`);
    expect(JSON.stringify(headers)).not.toContain("sk-of-the-client");
    expect(Object.keys(headers ?? {}).filter((name) => name.startsWith("x-stainless"))).toEqual([]);
  });

  it("asking for another model gets an APIError that says what there is", async () => {
    const asking = openai().chat.completions.create({ model: "gpt-9", messages });
    await expect(asking).rejects.toMatchObject({
      status: 400,
      code: "own_model",
      type: "invalid_request_error",
      message: "400 cannot use own model - must be: gpt-4o, small, gpt-4o-mini",
    });
  });

  it.each([
    [429, OpenAI.RateLimitError],
    [401, OpenAI.AuthenticationError],
    [500, OpenAI.InternalServerError],
  ])("sees the vendor's %i as the SDK's own class for it", async (status, type) => {
    stack.simulator.behave({ behaviour: { status } });
    const asking = openai().chat.completions.create({ model: "auto", messages });
    await expect(asking).rejects.toBeInstanceOf(type);
  });

  it("tries again by itself when the vendor says when", async () => {
    stack.simulator.behave({ behaviour: { status: 429, retryAfterSeconds: 0 }, times: 1 });
    const client = openai().withOptions({ maxRetries: 1 });
    const answer = await client.chat.completions.create({ model: "auto", messages });
    expect(answer.choices).toHaveLength(1);
    expect(stack.simulator.received()).toHaveLength(2);
  });

  it("parses structured output", async () => {
    const answer = await openai().chat.completions.parse({
      model: "auto",
      messages,
      response_format: {
        type: "json_schema",
        json_schema: {
          name: "answer",
          strict: true,
          schema: {
            type: "object",
            properties: { title: { type: "string" }, stars: { type: "integer" } },
            required: ["title", "stars"],
            additionalProperties: false,
          },
        },
      },
    });
    expect(JSON.parse(answer.choices[0]?.message.content ?? "")).toMatchObject({
      title: expect.any(String),
      stars: expect.any(Number),
    });
  });
});

describe.each(dialects)("LangChain before a target that speaks $dialect", ({ base }) => {
  const chat = () =>
    new ChatOpenAI({
      model: "auto",
      apiKey: "sk-of-the-client",
      maxRetries: 0,
      configuration: { baseURL: `${stack.url}${base}` },
    });
  const lookUp = tool(async () => "Rain", {
    name: "get_weather",
    description: "The weather in a city",
    schema: z.object({ city: z.string() }),
  });

  it("invokes", async () => {
    const answer = await chat().invoke([new HumanMessage("Say hello")]);
    expect(String(answer.content).length).toBeGreaterThan(0);
    expect(answer.usage_metadata?.total_tokens).toBeGreaterThan(0);
    expect(answer.response_metadata["finish_reason"]).toBe("stop");
  });

  it("streams", async () => {
    let whole: AIMessageChunk | undefined;
    let chunks = 0;
    for await (const chunk of await chat().stream("Tell me about ships")) {
      expect(chunk).toBeInstanceOf(AIMessageChunk);
      whole = whole === undefined ? chunk : whole.concat(chunk);
      chunks++;
    }
    expect(chunks).toBeGreaterThan(4);
    expect(String(whole?.content).length).toBeGreaterThan(20);
    expect(whole?.usage_metadata?.output_tokens).toBeGreaterThan(0);
  });

  it("binds tools, whole and streamed", async () => {
    const bound = chat().bindTools([lookUp]);
    const answer = await bound.invoke("What is the weather in Oslo?");
    expect(answer.tool_calls).toMatchObject([{ name: "get_weather", args: { city: expect.any(String) } }]);
    let whole: AIMessageChunk | undefined;
    for await (const chunk of await bound.stream("What is the weather in Oslo?"))
      whole = whole === undefined ? chunk : whole.concat(chunk);
    expect(whole?.tool_calls).toMatchObject([{ name: "get_weather", args: { city: expect.any(String) } }]);
  });
});
