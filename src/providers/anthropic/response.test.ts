import { describe, expect, it } from "vitest";
import { decodeAnswer } from "./response.ts";

const context = { model: "claude-x", createdSeconds: 1_700_000_000 };
const answer = (more: object) => ({
  id: "msg_1",
  model: "claude-x-1",
  content: [{ type: "text", text: "hi" }],
  stop_reason: "end_turn",
  ...more,
});
const decode = (more: object) => decodeAnswer(answer(more), context);

describe("an answer of the Messages API", () => {
  it.each([
    ["end_turn", "stop"],
    ["stop_sequence", "stop"],
    ["max_tokens", "length"],
    ["model_context_window_exceeded", "length"],
    ["tool_use", "tool_calls"],
    ["refusal", "content_filter"],
    ["pause_turn", "stop"],
    ["constructor", "stop"],
  ])("that stopped with %s has the finish reason %s, and the vendor's word beside it", (native, reason) => {
    const { response, finishReason } = decode({ stop_reason: native });
    expect(finishReason).toBe(reason);
    expect(response?.choices[0]).toMatchObject({ finish_reason: reason, native_finish_reason: native });
  });

  it("without content is refused in Kong's words", () => {
    expect(() => decode({ content: undefined })).toThrow(
      "transformation failed from type anthropic://llm/v1/chat: 'content' not in anthropic://llm/v1/chat response",
    );
  });

  it.each([
    [[], ""],
    [[{ type: "text", text: "" }], ""],
    [
      [
        { type: "text", text: "a" },
        { type: "text", text: "" },
        { type: "text", text: "b" },
      ],
      "a\nb",
    ],
    [[{ type: "tool_use", id: "t", name: "look", input: {} }], null],
    [
      [
        { type: "server_tool_use", id: "s", name: "web_search", input: {} },
        { type: "text", text: "found" },
      ],
      "found",
    ],
    [[null, "x", { type: "text" }, { type: "text", text: 5 }], ""],
  ])("with blocks %j has the content %j", (content, text) => {
    expect(decode({ content }).response?.choices[0]).toMatchObject({
      message: { role: "assistant", content: text },
    });
  });

  it("always carries id, object, created and model (Kong before 3.14 left gaps)", () => {
    expect(decode({ id: undefined, model: null }).response).toMatchObject({
      id: "chatcmpl-1700000000",
      object: "chat.completion",
      created: 1_700_000_000,
      model: "claude-x",
    });
    expect(decode({}).responseModel).toBe("claude-x-1");
  });

  it("writes the arguments of a call as JSON text, lists as lists", () => {
    const content = [
      { type: "tool_use", id: "t", name: "look", input: { at: [], why: '"x"' } },
      { type: "tool_use", id: "u", name: "now" },
    ];
    expect(decode({ content }).response?.choices[0]).toMatchObject({
      message: {
        tool_calls: [
          { id: "t", type: "function", function: { name: "look", arguments: '{"at":[],"why":"\\"x\\""}' } },
          { id: "u", type: "function", function: { name: "now", arguments: "{}" } },
        ],
      },
    });
  });

  it.each([
    [undefined, undefined],
    [null, undefined],
    [{}, undefined],
    [{ input_tokens: null, output_tokens: "x" }, undefined],
    [
      { input_tokens: 3, output_tokens: 4 },
      { inputTokens: 3, outputTokens: 4 },
    ],
    [
      { input_tokens: "3", output_tokens: null },
      { inputTokens: 3, outputTokens: 0 },
    ],
    [
      { input_tokens: 3, cache_read_input_tokens: 100, cache_creation_input_tokens: 20, output_tokens: 4 },
      { inputTokens: 123, outputTokens: 4, cachedInputTokens: 100, cacheWriteTokens: 20 },
    ],
    [
      { input_tokens: 3, output_tokens: 4, output_tokens_details: { thinking_tokens: 9 } },
      { inputTokens: 3, outputTokens: 4, reasoningTokens: 4 },
    ],
    [
      {
        input_tokens: 23,
        output_tokens: 10,
        iterations: [
          { type: "compaction", input_tokens: 180, output_tokens: 35, cache_read_input_tokens: 5 },
          { type: "message", input_tokens: 23, output_tokens: 10 },
        ],
      },
      { inputTokens: 208, outputTokens: 45, cachedInputTokens: 5 },
    ],
    [
      { input_tokens: 3, output_tokens: 4, iterations: [] },
      { inputTokens: 3, outputTokens: 4 },
    ],
  ])("with usage %j counts %j (Kong before 3.14.0.8 left cached tokens out)", (usage, counted) => {
    const decoded = decode({ usage });
    expect(decoded.usage).toEqual(counted);
    const shown = decoded.response?.["usage"] as { prompt_tokens: number; total_tokens: number } | undefined;
    expect(shown?.prompt_tokens).toBe(counted?.inputTokens);
    expect(shown?.total_tokens).toBe(counted && counted.inputTokens + counted.outputTokens);
  });
});
