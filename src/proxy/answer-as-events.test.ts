import OpenAI from "openai";
import { describe, expect, it } from "vitest";
import { completion } from "../../test/support/fake-upstream.ts";
import type { JsonObject } from "../llm/json.ts";
import { answerAsEvents } from "./answer-as-events.ts";

const chunksOf = (text: string) =>
  text
    .split("\n\n")
    .filter((event) => event.startsWith("data: {"))
    .map((event) => JSON.parse(event.slice(6)));

/** The stream put together again by OpenAI's own client. */
async function readWithSdk(body: string) {
  const client = new OpenAI({
    apiKey: "none",
    maxRetries: 0,
    fetch: async () => new Response(body, { headers: { "content-type": "text/event-stream" } }),
  });
  return client.chat.completions
    .stream({ model: "m", messages: [], stream_options: { include_usage: true } })
    .finalChatCompletion();
}

const calls = [
  { id: "call_1", type: "function", function: { name: "f", arguments: '{"a":1}' } },
  { id: "call_2", type: "function", function: { name: "g", arguments: "{}" } },
];

describe("answerAsEvents", () => {
  it("gives OpenAI's client the answer back, tokens included", async () => {
    const answer = completion('Grüße\n"quoted" 🙂') as unknown as JsonObject;
    const read = await readWithSdk(answerAsEvents(answer, true));
    expect(read.choices[0]?.message.content).toBe('Grüße\n"quoted" 🙂');
    expect(read.choices[0]?.finish_reason).toBe("stop");
    expect(read.usage).toEqual(answer["usage"]);
    expect(read).toMatchObject({ id: "chatcmpl-1", model: "m-2024" });
  });

  it("gives it tool calls back, each at its position", async () => {
    const message = { role: "assistant", content: null, tool_calls: calls };
    const answer = completion("", { choices: [{ index: 0, message, finish_reason: "tool_calls" }] });
    const read = await readWithSdk(answerAsEvents(answer as unknown as JsonObject, false));
    expect(read.choices[0]?.message.tool_calls).toMatchObject(calls);
    expect(read.choices[0]?.finish_reason).toBe("tool_calls");
  });

  it("keeps several choices apart", () => {
    const choice = (index: number) => ({
      index,
      message: { role: "assistant", content: `c${index}` },
      finish_reason: "length",
    });
    const [deltas, ends] = chunksOf(
      answerAsEvents(completion("", { choices: [choice(0), choice(1)] }) as unknown as JsonObject, false),
    );
    expect(deltas.choices).toEqual(
      [0, 1].map((index) => ({
        index,
        delta: { role: "assistant", content: `c${index}` },
        finish_reason: null,
      })),
    );
    expect(ends.choices).toEqual([0, 1].map((index) => ({ index, delta: {}, finish_reason: "length" })));
  });

  it("has the tokens only where they were asked for, and always ends in [DONE]", () => {
    const answer = completion("x") as unknown as JsonObject;
    expect(answerAsEvents(answer, false)).not.toContain("usage");
    expect(chunksOf(answerAsEvents(answer, true)).at(-1)).toMatchObject({
      choices: [],
      usage: { total_tokens: 15 },
    });
    for (const asked of [true, false])
      expect(answerAsEvents(answer, asked)).toMatch(/\n\ndata: \[DONE\]\n\n$/);
  });

  it("has one line for each event, whatever the answer holds", () => {
    const text = answerAsEvents(completion("a\n\ndata: [DONE]\r\n\n") as unknown as JsonObject, true);
    expect(text.split("\n\n").filter((event) => event === "data: [DONE]")).toHaveLength(1);
    for (const event of text.trimEnd().split("\n\n")) expect(event).not.toMatch(/[\r\n]/);
  });

  it("takes an answer that lacks what answers have", () => {
    for (const answer of [
      {},
      { choices: null },
      { choices: [null, 1, {}] },
      { choices: [{ message: "x" }] },
    ]) {
      expect(answerAsEvents(answer as JsonObject, true)).toContain("data: [DONE]");
    }
  });
});
