import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { countWords } from "../../test/support/count-words.ts";
import { readAnswerText } from "./answer-text.ts";
import type { ChatMessage, ChatRequest } from "./chat.ts";
import { encodingOf, estimateUsage, isCounted, type UncountedAnswer } from "./estimate.ts";
import { createTokenCounter } from "./token-counter.ts";

const counter = createTokenCounter({
  schedule: () => () => undefined,
  onFailure: (error) => {
    throw error;
  },
});
afterAll(() => counter.close());

const nothing = { texts: [], scale: 1 };

const estimate = (request: ChatRequest, rest: Partial<UncountedAnswer> = {}, count = counter.count) =>
  estimateUsage(
    { request, model: "gpt-4o", answer: nothing, known: undefined, isComplete: false, ...rest },
    count,
  );

/** In words, where the numbers of a real tokenizer would say nothing. */
const inWords = (request: ChatRequest, rest: Partial<UncountedAnswer> = {}) =>
  estimate(request, rest, countWords);

const asked = (...messages: readonly ChatMessage[]): ChatRequest => ({ messages });
const hello = asked({ role: "user", content: "hello there" });
const tokensOfHello = 2 + 4 + 3;

/**
 * The examples of OpenAI's cookbook, with what its API billed for them:
 * https://github.com/openai/openai-cookbook/blob/main/examples/How_to_count_tokens_with_tiktoken.ipynb, sections 6 and 7.
 */
const jargon = asked(
  {
    role: "system",
    content:
      "You are a helpful, pattern-following assistant that translates corporate jargon into plain English.",
  },
  { role: "system", name: "example_user", content: "New synergies will help drive top-line growth." },
  {
    role: "system",
    name: "example_assistant",
    content: "Things working well together will increase revenue.",
  },
  {
    role: "system",
    name: "example_user",
    content:
      "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage.",
  },
  {
    role: "system",
    name: "example_assistant",
    content: "Let's talk later when we're less busy about how to do better.",
  },
  {
    role: "user",
    content: "This late pivot means we don't have time to boil the ocean for the client deliverable.",
  },
);
const weather = {
  type: "function",
  function: {
    name: "get_current_weather",
    description: "Get the current weather in a given location",
    parameters: {
      type: "object",
      properties: {
        location: { type: "string", description: "The city and state, e.g. San Francisco, CA" },
        unit: {
          type: "string",
          description: "The unit of temperature to return",
          enum: ["celsius", "fahrenheit"],
        },
      },
      required: ["location"],
    },
  },
};
const forecast = asked(
  {
    role: "system",
    content: "You are a helpful assistant that can answer to questions about the weather.",
  },
  { role: "user", content: "What's the weather like in San Francisco?" },
);

describe("an estimate of the input", () => {
  it.each([
    ["gpt-3.5-turbo", 129],
    ["gpt-4-0613", 129],
    ["gpt-4", 129],
    ["gpt-4o", 124],
    ["gpt-4o-mini", 124],
  ])("is what OpenAI billed for its published example: %s, %i tokens", async (model, billed) => {
    expect((await estimate(jargon, { model })).inputTokens).toBe(billed);
  });

  it.each([
    ["gpt-4", 105],
    ["gpt-4o", 101],
  ])("is within a fifth with OpenAI's example of a tool: %s, %i tokens", async (model, billed) => {
    const { inputTokens } = await estimate({ ...forecast, tools: [weather] }, { model });
    expect(Math.abs(inputTokens / billed - 1)).toBeLessThan(0.2);
  });

  it("counts every message, its role, its name and what begins the reply", async () => {
    expect(await inWords(hello)).toEqual({ inputTokens: tokensOfHello, outputTokens: 0, estimated: true });
    const named = asked(
      { role: "user", name: "ann", content: "hello there" },
      { role: "user", content: null },
    );
    expect((await inWords(named)).inputTokens).toBe(tokensOfHello + 2 + 4);
  });

  it("counts parts of text, calls of tools and their results", async () => {
    const conversation = asked(
      {
        role: "user",
        content: [
          { type: "text", text: "one two" },
          { type: "text", text: "three" },
        ],
      },
      {
        role: "assistant",
        content: null,
        tool_calls: [{ id: "call_1", type: "function", function: { name: "look", arguments: '{"at": 1}' } }],
      },
      { role: "tool", tool_call_id: "call_1", content: "four five six" },
    );
    expect((await inWords(conversation)).inputTokens).toBe(3 + 3 + 3 + 3 * 4 + 3);
  });

  it("counts the definitions of tools and of the answer's schema as their JSON", async () => {
    const tools = { ...hello, tools: [weather] };
    const words = JSON.stringify([weather]).split(" ").length;
    expect((await inWords(tools)).inputTokens).toBe(tokensOfHello + words);
    const schema = { ...hello, response_format: { type: "json_schema", json_schema: { name: "a b" } } };
    expect((await inWords(schema)).inputTokens).toBe(tokensOfHello + 2);
  });

  it("takes pictures for square ones, by what OpenAI publishes of GPT-4o, and does not count their bytes", async () => {
    const image = (detail?: string) => ({
      type: "image_url",
      image_url: { url: `data:image/png;base64,${"A".repeat(9999)}`, ...(detail && { detail }) },
    });
    const pictured = asked({
      role: "user",
      content: [{ type: "text", text: "hello there" }, image(), image("low")],
    });
    expect((await inWords(pictured)).inputTokens).toBe(tokensOfHello + 765 + 85);
  });

  it("counts of any request, whatever is in it", async () => {
    const anything = fc.jsonValue().filter((value) => typeof value === "object" && value !== null);
    await fc.assert(
      fc.asyncProperty(fc.array(anything), anything, async (messages, rest) => {
        const request = { ...(rest as object), messages } as unknown as ChatRequest;
        const usage = await inWords(request, { answer: readAnswerText(rest) });
        expect(usage.inputTokens).toBeGreaterThanOrEqual(4 * messages.length);
        expect(Number.isSafeInteger(usage.inputTokens + usage.outputTokens)).toBe(true);
      }),
    );
  });
});

describe("an estimate of the output", () => {
  it("counts text, refusal, reasoning and calls of tools, of all choices", async () => {
    const call = { id: "c", type: "function", function: { name: "look", arguments: "{} {}" } };
    const choices = [
      { message: { content: "one two", reasoning_content: "three", tool_calls: [call] } },
      { message: { content: null, refusal: "four" } },
    ];
    const usage = await inWords(hello, { answer: readAnswerText({ choices }) });
    expect(usage.outputTokens).toBe(2 + 1 + 3 + 1);
  });

  it("takes what was kept of a long answer for the whole of it", async () => {
    const answer = { texts: ["one two three"], scale: 2.5 };
    expect((await inWords(hello, { answer })).outputTokens).toBe(8);
  });
});

describe("what the vendor has counted", () => {
  const answer = { texts: ["one two three"], scale: 1 };
  const known = { inputTokens: 40, outputTokens: 1, cachedInputTokens: 30 };

  it("stands where it is the last word, and otherwise as far as it goes", () => {
    expect(isCounted(known, true)).toBe(true);
    expect(isCounted({ inputTokens: 5, outputTokens: 0 }, true)).toBe(true);
    expect(isCounted(known, false)).toBe(false);
    expect(isCounted(undefined, true)).toBe(false);
    expect(isCounted({ inputTokens: 0, outputTokens: 0 }, true)).toBe(false);
  });

  it("of the input is final; of the output, before the end, provisional", async () => {
    expect(await inWords(hello, { answer, known })).toEqual({ ...known, outputTokens: 3, estimated: true });
    const ahead = { ...known, outputTokens: 9 };
    expect(await inWords(hello, { answer, known: ahead })).toEqual({ ...ahead, estimated: true });
  });

  it("of the output alone is completed by an estimate of the input", async () => {
    const output = { inputTokens: 0, outputTokens: 2 };
    expect(await inWords(hello, { answer, known: output, isComplete: true })).toEqual({
      inputTokens: tokensOfHello,
      outputTokens: 2,
      estimated: true,
    });
  });
});

describe("the encoding", () => {
  it.each([
    "gpt-4",
    "gpt-4-0613",
    "gpt-4-turbo",
    "gpt-4-32k",
    "gpt-3.5-turbo-0125",
    "gpt-35-turbo",
    "ft:gpt-4-0613:acme",
    "openai/gpt-4",
  ])("of %s is the one before GPT-4o", (model) => expect(encodingOf(model)).toBe("cl100k_base"));

  it.each([
    "gpt-4o",
    "gpt-4.1-mini",
    "gpt-4.5-preview",
    "gpt-5",
    "chatgpt-4o-latest",
    "o3",
    "claude-sonnet-4-5",
    "llama-3",
    "",
  ])("of %j is the newest", (model) => expect(encodingOf(model)).toBe("o200k_base"));
});
