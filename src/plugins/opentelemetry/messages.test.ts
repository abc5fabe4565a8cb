import { describe, expect, it } from "vitest";
import { inputMessages, outputOf } from "./messages.ts";

const outputMessages = (body: string | undefined) => outputOf(body).messages;
const read = (text: string | undefined) => JSON.parse(text ?? "");

describe("logged bodies as the conventions have them", () => {
  it("have roles and parts: text, other parts, tool calls and what tools said", () => {
    const call = { id: "c1", type: "function", function: { name: "weather", arguments: '{"city":"Rome"}' } };
    const messages = [
      { role: "system", content: "Be brief." },
      {
        role: "user",
        content: [
          { type: "text", text: "Look" },
          { type: "image_url", image_url: { url: "x" } },
        ],
      },
      { role: "assistant", content: null, tool_calls: [call] },
      { role: "tool", tool_call_id: "c1", content: "sunny" },
    ];
    expect(read(inputMessages(JSON.stringify({ messages })))).toEqual([
      { role: "system", parts: [{ type: "text", content: "Be brief." }] },
      {
        role: "user",
        parts: [
          { type: "text", content: "Look" },
          { type: "image_url", image_url: { url: "x" } },
        ],
      },
      {
        role: "assistant",
        parts: [{ type: "tool_call", id: "c1", name: "weather", arguments: '{"city":"Rome"}' }],
      },
      { role: "tool", parts: [{ type: "tool_call_response", id: "c1", response: "sunny" }] },
    ]);
    const choices = [{ index: 0, message: { role: "assistant", content: "Hi" }, finish_reason: "stop" }];
    expect(read(outputMessages(JSON.stringify({ choices })))).toEqual([
      { role: "assistant", parts: [{ type: "text", content: "Hi" }], finish_reason: "stop" },
    ]);
  });

  it("tell the first tool that is called", () => {
    const call = { id: "c1", type: "function", function: { name: "weather", arguments: "{}" } };
    const answer = (message: object) => JSON.stringify({ choices: [{ message }] });
    expect(outputOf(answer({ content: null, tool_calls: [call, { ...call, id: "c2" }] })).toolCall).toEqual({
      id: "c1",
      name: "weather",
    });
    expect(outputOf(answer({ tool_calls: [{}] })).toolCall).toEqual({ id: undefined, name: undefined });
    for (const message of [{ content: "Hi" }, { tool_calls: [] }, { tool_calls: "none" }])
      expect(outputOf(answer(message)).toolCall).toBeUndefined();
  });

  it("put a stream's pieces together", () => {
    const piece = (delta: object, finish_reason: string | null = null) => ({
      choices: [{ delta, finish_reason }],
    });
    const chunks = [
      piece({ role: "assistant" }),
      piece({ content: "H" }),
      piece({ content: "i" }),
      piece({}, "stop"),
    ];
    expect(read(outputMessages(JSON.stringify([...chunks, { choices: [] }])))).toEqual([
      { role: "assistant", parts: [{ type: "text", content: "Hi" }], finish_reason: "stop" },
    ]);
  });

  it("stay as they are where they have another shape, and are cut where they are long", () => {
    expect([inputMessages(undefined), outputMessages(undefined)]).toEqual([undefined, undefined]);
    expect(outputMessages('{"content":[{"text":"Hi"}]}')).toBe('{"content":[{"text":"Hi"}]}');
    expect(inputMessages("not json")).toBe("not json");
    expect(outputMessages("null")).toBe("null");
    expect(inputMessages("x".repeat(100_000))).toHaveLength(65_537);
  });
});
