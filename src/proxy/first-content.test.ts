import { describe, expect, it } from "vitest";
import { hasContent } from "./first-content.ts";

const choice = (delta: unknown, finish: unknown = null) =>
  JSON.stringify({ choices: [{ index: 0, delta, finish_reason: finish }] });

describe("hasContent", () => {
  it.each([
    ["text", choice({ content: "a" })],
    ["text beside the role", choice({ role: "assistant", content: " " })],
    ["a tool call", choice({ tool_calls: [{ index: 0, function: { name: "f", arguments: "" } }] })],
    ["a refusal", choice({ refusal: "no" })],
    ["reasoning", choice({ reasoning_content: "hm" })],
    ["a finish reason", choice({}, "stop")],
    [
      "text in another choice than the first",
      JSON.stringify({ choices: [{ delta: {} }, { delta: { content: "b" } }] }),
    ],
    ["what cannot be read", "{"],
    ["what is no object", "[]"],
  ])("is true for %s", (_name, json) => {
    expect(hasContent(json)).toBe(true);
  });

  it.each([
    ["the role alone", choice({ role: "assistant" })],
    ["the role with empty fields", choice({ role: "assistant", content: "", refusal: null, tool_calls: [] })],
    ["an empty delta", choice({})],
    ["tokens alone", JSON.stringify({ choices: [], usage: { prompt_tokens: 1 } })],
    ["a report on content filters", JSON.stringify({ choices: [], prompt_filter_results: [{}] })],
    ["a choice that is none", JSON.stringify({ choices: [null, 1] })],
  ])("is false for %s", (_name, json) => {
    expect(hasContent(json)).toBe(false);
  });
});
