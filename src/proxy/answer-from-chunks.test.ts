import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { answerAsEvents } from "./answer-as-events.ts";
import { answerFromChunks } from "./answer-from-chunks.ts";

const chunk = (choices: readonly unknown[], more: object = {}) =>
  JSON.stringify({ id: "c-1", object: "chat.completion.chunk", created: 7, model: "m", ...more, choices });
const delta = (value: object, index = 0, finish: string | null = null) => ({
  index,
  delta: value,
  finish_reason: finish,
});

describe("an answer put together from its chunks", () => {
  it("has the text of every choice, how it ended, and the usage", () => {
    const chunks = [
      chunk([delta({ role: "assistant", content: "" }), delta({ role: "assistant", content: "B" }, 1)]),
      chunk([delta({ content: "Hel" })], { usage: null }),
      chunk([delta({ content: "lo" }, 0), delta({ role: "assistant", content: "ye" }, 1)]),
      chunk([delta({}, 0, "stop"), delta({}, 1, "length")]),
      chunk([], { usage: { prompt_tokens: 1 } }),
    ];
    expect(answerFromChunks(chunks)).toEqual({
      id: "c-1",
      object: "chat.completion",
      created: 7,
      model: "m",
      usage: { prompt_tokens: 1 },
      choices: [
        { index: 0, message: { role: "assistant", content: "Hello" }, finish_reason: "stop" },
        { index: 1, message: { role: "assistant", content: "Bye" }, finish_reason: "length" },
      ],
    });
  });

  it("has tool calls with their arguments whole", () => {
    const call = (value: object, index = 0) => ({ tool_calls: [{ index, ...value }] });
    const chunks = [
      chunk([
        delta({
          role: "assistant",
          content: null,
          ...call({ id: "t1", type: "function", function: { name: "f", arguments: "" } }),
        }),
      ]),
      chunk([delta(call({ function: { arguments: '{"a"' } }))]),
      chunk([delta(call({ id: "t2", type: "function", function: { name: "g", arguments: "{}" } }, 1))]),
      chunk([delta(call({ function: { arguments: ":1}" } }), 0, "tool_calls")]),
    ];
    expect(answerFromChunks(chunks)["choices"]).toEqual([
      {
        index: 0,
        message: {
          role: "assistant",
          content: null,
          tool_calls: [
            { id: "t1", type: "function", function: { name: "f", arguments: '{"a":1}' } },
            { id: "t2", type: "function", function: { name: "g", arguments: "{}" } },
          ],
        },
        finish_reason: "tool_calls",
      },
    ]);
  });

  it("of a stream that was cut goes as far as that", () => {
    expect(answerFromChunks([])).toEqual({ object: "chat.completion", choices: [] });
    expect(answerFromChunks([chunk([delta({ content: "Hal" })])])["choices"]).toEqual([
      { index: 0, message: { content: "Hal" }, finish_reason: null },
    ]);
  });

  it("is what the stream was made of", () => {
    const answer = fc.record({
      id: fc.string(),
      object: fc.constant("chat.completion"),
      created: fc.nat(),
      model: fc.string(),
      choices: fc
        .array(fc.record({ content: fc.string(), finish_reason: fc.constantFrom("stop", "length") }), {
          minLength: 1,
          maxLength: 3,
        })
        .map((texts) =>
          texts.map(({ content, finish_reason }, index) => ({
            index,
            message: { role: "assistant", content },
            finish_reason,
          })),
        ),
    });
    fc.assert(
      fc.property(answer, (whole) => {
        const events = answerAsEvents(whole, false)
          .split("\n\n")
          .map((event) => event.slice("data: ".length))
          .filter((data) => data.startsWith("{"));
        expect(answerFromChunks(events)).toEqual(whole);
      }),
    );
  });
});
