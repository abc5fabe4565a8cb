import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AnswerCollector, maxKeptCharacters } from "./answer-text.ts";

const chunk = (...deltas: readonly object[]) =>
  JSON.stringify({
    id: "chatcmpl-1",
    model: "m",
    choices: deltas.map((delta, index) => ({
      index,
      delta,
      logprobs: { content: [{ token: "not counted" }] },
      finish_reason: null,
    })),
  });

function collect(...chunks: readonly string[]) {
  const collector = new AnswerCollector();
  for (const json of chunks) collector.add(json);
  return collector;
}

const textOf = (...chunks: readonly string[]) =>
  collect(...chunks)
    .read()
    .texts.join("");

describe("an answer collected from a stream", () => {
  it("has text, refusal, reasoning and calls of tools, and nothing else", () => {
    const call = (called: object) => ({
      tool_calls: [{ index: 0, id: "call_1", type: "function", function: called }],
    });
    expect(
      textOf(
        chunk({ role: "assistant", content: "" }),
        chunk({ reasoning_content: "Hm. " }),
        chunk({ content: "Hello" }, { content: " you" }),
        chunk({ refusal: "No." }),
        chunk(call({ name: "look", arguments: "" })),
        chunk(call({ arguments: '{"at":' })),
        chunk(call({ arguments: ' "content"}' })),
        chunk({ thinking_blocks: [{ type: "thinking", thinking: "again", signature: "abc" }] }),
        JSON.stringify({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 2 } }),
      ),
    ).toBe('Hm. Hello youNo.look{"at": "content"}');
  });

  it("is the text that was streamed, whatever it is and however it was cut", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({ unit: fc.constantFrom('"', "\\", "a", ":", '"content":"') }),
    );
    fc.assert(
      fc.property(fc.array(text), (texts) => {
        expect(textOf(...texts.map((content) => chunk({ content })))).toBe(texts.join(""));
      }),
    );
  });

  it("joins what was cut between the halves of a character", () => {
    expect(
      textOf(
        '{"choices":[{"delta":{"content":"\\ud83d"}}]}',
        '{"choices":[{ "delta" : { "content" : "\\ude42"}}]}',
      ),
    ).toBe("🙂");
  });

  it("is bounded, and says how much there was", () => {
    const content = "x".repeat(1000);
    const collector = new AnswerCollector();
    for (let index = 0; index < 250; index++) collector.add(chunk({ content }));
    const { texts, scale } = collector.read();
    expect(texts.join("")).toHaveLength(maxKeptCharacters);
    expect(scale).toBe(2.5);
    expect(collector.characters).toBe(250_000);
  });

  it("takes any text for a chunk, and counts what is no JSON as it stands", () => {
    expect(collect().read()).toEqual({ texts: [""], scale: 1 });
    expect(textOf('{"choices":[{"delta":{"content":"a\tb"}}]}')).toBe("a\tb");
    expect(textOf('{"choices":[{"delta":{"content":"cut')).toBe("cut");
    fc.assert(
      fc.property(fc.string(), (json) => {
        expect(() => textOf(json, `"delta"${json}`)).not.toThrow();
      }),
    );
  });
});
