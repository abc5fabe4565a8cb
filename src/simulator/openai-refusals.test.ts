import OpenAI, { APIError, BadRequestError } from "openai";
import type {
  ChatCompletionCreateParamsNonStreaming,
  ChatCompletionTool,
} from "openai/resources/chat/completions";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Simulator, startSimulator } from "./simulator.ts";

let simulator: Simulator;
let client: OpenAI;

beforeAll(async () => {
  simulator = await startSimulator({ now: () => 0, apiKey: "sk-right" });
  client = new OpenAI({ apiKey: "sk-right", baseURL: `${simulator.url}/v1`, maxRetries: 0 });
});
afterAll(() => simulator.close());

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

describe("refusals of a chat request", () => {
  const good: ChatCompletionCreateParamsNonStreaming = { model: "gpt-4o", messages: [user("Hi")] };
  const call = { id: "call_1", type: "function", function: { name: "f", arguments: "{}" } };

  it.each([
    ["no model", { messages: good.messages }, null, /you must provide a model parameter/],
    ["no messages", { model: "gpt-4o" }, "messages", /Missing required parameter: 'messages'/],
    ["empty messages", { ...good, messages: [] }, "messages", /empty array/],
    ["messages that are no list", { ...good, messages: "Hi" }, "messages", /expected an array/],
    [
      "a message without a role",
      { ...good, messages: [{ content: "Hi" }] },
      "messages[0].role",
      /Missing required/,
    ],
    [
      "an unknown role",
      { ...good, messages: [{ role: "boss", content: "Hi" }] },
      "messages[0].role",
      /Invalid value: 'boss'/,
    ],
    [
      "a user without content",
      { ...good, messages: [{ role: "user" }] },
      "messages[0].content",
      /got nothing/,
    ],
    [
      "null content",
      { ...good, messages: [{ role: "user", content: null }] },
      "messages[0].content",
      /got null/,
    ],
    ["n of 0", { ...good, n: 0 }, "n", /below minimum/],
    ["a temperature of 3", { ...good, temperature: 3 }, "temperature", /above maximum/],
    ["a temperature in words", { ...good, temperature: "hot" }, "temperature", /expected a number/],
    ["max_tokens of 0", { ...good, max_tokens: 0 }, "max_tokens", /below minimum/],
    [
      "max_tokens for o3",
      { ...good, model: "o3", max_tokens: 5 },
      "max_tokens",
      /Use 'max_completion_tokens'/,
    ],
    ["temperature for o3", { ...good, model: "o3", temperature: 0 }, "temperature", /Only the default/],
    [
      "stream_options alone",
      { ...good, stream_options: { include_usage: true } },
      "stream_options",
      /only allowed when/,
    ],
    ["tool_choice alone", { ...good, tool_choice: "auto" }, "tool_choice", /only allowed when 'tools'/],
    [
      "a tool without a name",
      { ...good, tools: [{ type: "function" }] },
      "tools[0].function.name",
      /Missing/,
    ],
    [
      "a choice of no tool",
      { ...good, tools: [weather], tool_choice: { type: "function", function: { name: "x" } } },
      "tool_choice",
      /'x' not found/,
    ],
    [
      "json without the word",
      { ...good, response_format: { type: "json_object" } },
      "messages",
      /the word 'json'/,
    ],
    [
      "a schema without a name",
      { ...good, response_format: { type: "json_schema", json_schema: { schema: {} } } },
      "response_format.json_schema.name",
      /Missing/,
    ],
    [
      "a stray tool result",
      { ...good, messages: [user("Hi"), { role: "tool", tool_call_id: "call_1", content: "x" }] },
      "messages.[1].role",
      /preceeding message/,
    ],
    [
      "an unanswered tool call",
      { ...good, messages: [user("Hi"), { role: "assistant", tool_calls: [call] }, user("And?")] },
      "messages.[2].role",
      /did not have response messages: call_1/,
    ],
    [
      "a last unanswered tool call",
      { ...good, messages: [user("Hi"), { role: "assistant", tool_calls: [call] }] },
      "messages.[2].role",
      /call_1/,
    ],
  ])("for %s is the vendor's 400", async (_, body, param, message) => {
    const error = await refusal(body);
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error).toMatchObject({ status: 400, type: "invalid_request_error", param });
    expect(error.message).toMatch(message);
  });

  it("for a wrong or missing key is the vendor's 401", async () => {
    const wrong = new OpenAI({ apiKey: "sk-wrong", baseURL: `${simulator.url}/v1`, maxRetries: 0 });
    await expect(wrong.chat.completions.create(good)).rejects.toMatchObject({
      status: 401,
      code: "invalid_api_key",
    });
    const answer = await fetch(`${simulator.url}/v1/chat/completions`, {
      method: "POST",
      body: JSON.stringify(good),
    });
    expect(answer.status).toBe(401);
    const body = await answer.json();
    expect(body).toMatchObject({
      error: { message: expect.stringContaining("didn't provide an API key"), code: null },
    });
  });

  it.each(["{", "[1]", ""])("for the body %j is a 400", async (body) => {
    const answer = await fetch(`${simulator.url}/v1/chat/completions`, { method: "POST", body });
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain("could not parse the JSON body");
  });

  /** Sends a body that the SDK's types would not allow. */
  async function refusal(body: object): Promise<APIError> {
    const error = await client.post("/chat/completions", { body }).then(
      () => new Error("it was accepted"),
      (thrown: unknown) => thrown,
    );
    if (error instanceof APIError) return error;
    throw error;
  }
});
