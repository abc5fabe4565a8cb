import { describe, expect, it } from "vitest";
import { openai } from "./openai.ts";
import { deepFreeze, describeProvider, upstreamModel } from "./provider.contract.ts";
import type { ChatOperation } from "./provider.ts";

describeProvider(openai, upstreamModel("gpt-4o", { temperature: 0.3 }));

const chat = openai.chat as ChatOperation;
const messages = [{ role: "user", content: "hi" }];
const encode = (request: object, model = "gpt-4o") =>
  chat.encode(deepFreeze({ messages, ...request }), upstreamModel(model));

describe("openai", () => {
  it("is reached at the vendor's own address", () => {
    expect(openai.endpoint("chat", upstreamModel("gpt-4o"))).toBe(
      "https://api.openai.com:443/v1/chat/completions",
    );
  });

  it.each([
    "o1",
    "o1-mini",
    "o3",
    "o4-mini-2025-04-16",
    "gpt-5",
    "gpt-5-nano",
    "gpt-5.1",
    "gpt-6",
    "ft:o4-mini:acme::x",
    "ft:gpt-5-nano:a",
  ])("sends the limit to %s as max_completion_tokens", (model) => {
    const { body, warnings } = encode({ max_tokens: 826 }, model);
    expect(body).toMatchObject({ model, max_completion_tokens: 826 });
    expect(body).not.toHaveProperty("max_tokens");
    expect(warnings).toBeUndefined();
  });

  it.each([
    "gpt-4o",
    "gpt-4.1-mini",
    "gpt-3.5-turbo",
    "gpt-35-turbo",
    "gpt-4o-mini",
    "chatgpt-4o-latest",
    "gpt-oss-120b",
    "ft:gpt-4o:acme::x",
    "o",
    "olmo-2",
    "gpt-50b-instruct",
    "llama-3",
  ])("sends the limit to %s as max_tokens", (model) => {
    expect(encode({ max_tokens: 826 }, model).body).toMatchObject({ max_tokens: 826 });
    expect(encode({ max_tokens: 826 }, model).body).not.toHaveProperty("max_completion_tokens");
  });

  it("sends one limit, the lower, when config and client have named it differently", () => {
    const both = { max_tokens: 512, max_completion_tokens: 900 };
    expect(encode(both, "gpt-5").body).toMatchObject({ max_completion_tokens: 512 });
    expect(encode(both, "gpt-5").body).not.toHaveProperty("max_tokens");
    expect(encode(both, "gpt-4o").body).toMatchObject({ max_tokens: 512 });
    expect(encode(both, "gpt-4o").body).not.toHaveProperty("max_completion_tokens");
    expect(encode({ max_completion_tokens: 9 }, "gpt-4o").body).toMatchObject({ max_completion_tokens: 9 });
    expect(encode({ max_tokens: null }, "o3").body).not.toHaveProperty("max_tokens");
  });

  it("leaves top_k out and says so, but only to those who sent one", () => {
    expect(encode({ top_k: 40 })).toMatchObject({ warnings: [expect.stringContaining("top_k")] });
    expect(encode({ top_k: 40 }).body).not.toHaveProperty("top_k");
    expect(encode({ top_k: null })).not.toHaveProperty("warnings");
    expect(encode({ top_k: null }).body).not.toHaveProperty("top_k");
  });

  it("passes fields it does not know, and replaces a model of null", () => {
    const request = {
      model: null,
      seed: 1,
      tools: [],
      response_format: { type: "json_object" },
      made_up: { a: [] },
    };
    expect(encode(request).body).toEqual({ ...request, messages, model: "gpt-4o", stream: false });
  });

  it("asks every stream for usage and keeps the client's other stream options", () => {
    expect(encode({ stream: true }).body["stream_options"]).toEqual({ include_usage: true });
    const options = { include_usage: false, include_obfuscation: false };
    expect(encode({ stream: true, stream_options: options }).body["stream_options"]).toEqual({
      include_usage: true,
      include_obfuscation: false,
    });
    expect(encode({ stream: true, stream_options: null }).body["stream_options"]).toEqual({
      include_usage: true,
    });
  });

  it("sends no stream options where there is no stream, since the vendor refuses them there", () => {
    expect(encode({ stream: false, stream_options: { include_usage: true } }).body).not.toHaveProperty(
      "stream_options",
    );
  });

  it("takes back the thinking blocks of another vendor's answer, which this one would refuse", () => {
    const answer = { role: "assistant", content: "yes", reasoning_content: "hm" };
    const signed = { ...answer, thinking_blocks: [{ type: "thinking", thinking: "hm", signature: "s" }] };
    expect(encode({ messages: [...messages, signed] }).body["messages"]).toEqual([...messages, answer]);
  });

  it("adds extra_body beside the request's own fields", () => {
    const { body } = encode({
      temperature: 0,
      extra_body: { temperature: 2, stream: true, model: "x", cache: "on" },
    });
    expect(body).toEqual({ messages, temperature: 0, stream: false, model: "gpt-4o", cache: "on" });
  });
});

const context = { model: "gpt-4o", createdSeconds: 1 };
const choice = { index: 0, message: { role: "assistant", content: "x" }, finish_reason: "stop" };

describe("an answer in OpenAI's form", () => {
  it("is relayed as the vendor's bytes", () => {
    expect(chat.decode({ choices: [choice], model: "gpt-4o-2024-08-06" }, context)).toEqual({
      responseModel: "gpt-4o-2024-08-06",
      finishReason: "stop",
    });
  });

  it("without choices is refused in Kong's words", () => {
    expect(() => chat.decode({ object: "chat.completion" }, context)).toThrow(
      "transformation failed from type openai://llm/v1/chat: 'choices' not in llm/v1/chat response",
    );
  });

  it.each([
    [null, undefined],
    ["many", undefined],
    [{}, undefined],
    [{ prompt_tokens: null, completion_tokens: null }, undefined],
    [{ prompt_tokens: Number.NaN, completion_tokens: -1, total_tokens: 3 }, undefined],
    [
      { prompt_tokens: "12", completion_tokens: "3" },
      { inputTokens: 12, outputTokens: 3 },
    ],
    [
      { prompt_tokens: 12, total_tokens: 15 },
      { inputTokens: 12, outputTokens: 3 },
    ],
    [
      { completion_tokens: 3, total_tokens: 15 },
      { inputTokens: 12, outputTokens: 3 },
    ],
    [{ prompt_tokens: 12 }, { inputTokens: 12, outputTokens: 0 }],
    [
      { prompt_tokens: 12, total_tokens: 5 },
      { inputTokens: 12, outputTokens: 0 },
    ],
    [
      { prompt_tokens: 0, completion_tokens: 0 },
      { inputTokens: 0, outputTokens: 0 },
    ],
    [
      { prompt_tokens: 9, completion_tokens: 3, prompt_tokens_details: null, completion_tokens_details: {} },
      { inputTokens: 9, outputTokens: 3 },
    ],
    [
      {
        prompt_tokens: 9,
        completion_tokens: 3,
        prompt_tokens_details: { cached_tokens: 800 },
        completion_tokens_details: { reasoning_tokens: 2 },
      },
      { inputTokens: 9, outputTokens: 3, cachedInputTokens: 9, reasoningTokens: 2 },
    ],
  ])("with usage %j counts %j", (usage, counted) => {
    expect(chat.decode({ choices: [choice], usage }, context).usage).toEqual(counted);
  });

  it.each([[[]], [[null]], [[{ finish_reason: null }]], [[{ finish_reason: 3 }]]])(
    "with choices %j has no finish reason",
    (choices) => {
      expect(chat.decode({ choices }, context)).toEqual({});
    },
  );
});
