import OpenAI, { APIError, BadRequestError } from "openai";
import type {
  ChatCompletionCreateParamsNonStreaming,
  ChatCompletionTool,
} from "openai/resources/chat/completions";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Simulator, startSimulator } from "./simulator.ts";

let simulator: Simulator;
let client: OpenAI;

beforeAll(async () => {
  simulator = await startSimulator({ now: () => 1_760_000_000_000, apiKey: "sk-right", embed: fakeEmbed });
  client = new OpenAI({ apiKey: "sk-right", baseURL: `${simulator.url}/v1`, maxRetries: 0 });
});
beforeEach(() => simulator.reset());
afterAll(() => simulator.close());

/** A unit vector of four numbers that tells texts apart. */
function fakeEmbed(text: string): Float32Array {
  const vector = [3, 4, text.length % 7, text.charCodeAt(0) % 5];
  const norm = Math.hypot(...vector);
  return Float32Array.from(vector, (value) => value / norm);
}

async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

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

describe("chat completions", () => {
  it("answer as the vendor does, the same every time", async () => {
    const request = { model: "gpt-4o", messages: [user("Write a Python function")] };
    const answer = await client.chat.completions.create(request);
    expect(answer).toMatchObject({
      object: "chat.completion",
      created: 1_760_000_000,
      model: "gpt-4o",
      choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", refusal: null } }],
    });
    expect(answer.id).toMatch(/^chatcmpl-\w{29}$/);
    const {
      prompt_tokens: prompt = 0,
      completion_tokens: completion = 0,
      total_tokens: total,
    } = answer.usage ?? {};
    expect(prompt).toBeGreaterThan(8);
    expect(total).toBe(prompt + completion);
    const again = await client.chat.completions.create(request);
    expect(again.choices).toEqual(answer.choices);
    expect(again.id).not.toBe(answer.id);
  });

  it.each(["max_tokens", "max_completion_tokens"])("stop at %s", async (name) => {
    const answer = await client.chat.completions.create({
      model: "gpt-4o",
      messages: [user("Tell me a story")],
      [name]: 5,
    });
    expect(answer.choices[0]?.finish_reason).toBe("length");
    expect(answer.usage?.completion_tokens).toBe(5);
  });

  it("give as many choices as asked for, each its own", async () => {
    const answer = await client.chat.completions.create({
      model: "gpt-4o",
      messages: [user("Tell me a story")],
      n: 3,
    });
    expect(answer.choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(new Set(answer.choices.map(({ message }) => message.content)).size).toBe(3);
  });

  it("count reasoning for models that reason", async () => {
    const answer = await client.chat.completions.create({
      model: "o4-mini",
      messages: [user("Why?")],
      max_completion_tokens: 64,
    });
    const reasoning = answer.usage?.completion_tokens_details?.reasoning_tokens ?? 0;
    expect(reasoning).toBeGreaterThan(0);
    expect(answer.usage?.completion_tokens).toBeGreaterThan(reasoning);
  });

  it("stream what they would have answered whole", async () => {
    const request = { model: "gpt-4o", messages: [user("Write a short poem about the beauty of autumn")] };
    const whole = await client.chat.completions.create(request);
    const stream = await client.chat.completions.create({
      ...request,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await collect(stream);
    expect(chunks[0]?.choices[0]?.delta).toEqual({ role: "assistant", content: "", refusal: null });
    const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");
    expect(text).toBe(whole.choices[0]?.message.content);
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe("stop");
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: whole.usage?.total_tokens } });
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
  });

  it("stream no usage that was not asked for", async () => {
    const stream = await client.chat.completions.create({
      model: "gpt-4o",
      messages: [user("Hi")],
      stream: true,
    });
    const chunks = await collect(stream);
    expect(chunks.some((chunk) => "usage" in chunk)).toBe(false);
  });

  it("call tools, then tell what the tools said", async () => {
    const messages = [user("What's the weather in San Francisco?")];
    const first = await client.chat.completions.create({ model: "gpt-4o", messages, tools: [weather] });
    const [choice] = first.choices;
    expect(choice?.finish_reason).toBe("tool_calls");
    expect(choice?.message.content).toBeNull();
    const call = choice?.message.tool_calls?.[0];
    expect(call).toMatchObject({
      type: "function",
      function: { name: "get_weather", arguments: '{"city":"San Francisco","days":1}' },
    });
    const second = await client.chat.completions.create({
      model: "gpt-4o",
      messages: [
        ...messages,
        { role: "assistant", tool_calls: call === undefined ? [] : [call] },
        { role: "tool", tool_call_id: call?.id ?? "", content: "21 degrees, sunny" },
      ],
      tools: [weather],
    });
    expect(second.choices[0]?.message.content).toContain("21 degrees, sunny");
    expect(second.choices[0]?.finish_reason).toBe("stop");
  });

  it("stream tool calls in pieces", async () => {
    const stream = await client.chat.completions.create({
      model: "gpt-4o",
      messages: [user("Weather in Paris")],
      tools: [weather],
      stream: true,
    });
    const calls = (await collect(stream)).flatMap((chunk) => chunk.choices[0]?.delta.tool_calls ?? []);
    expect(calls[0]).toMatchObject({
      index: 0,
      type: "function",
      function: { name: "get_weather", arguments: "" },
    });
    expect(calls.length).toBeGreaterThan(3);
    expect(calls.slice(1).every((call) => call.id === undefined)).toBe(true);
    expect(JSON.parse(calls.map((call) => call.function?.arguments).join(""))).toEqual({
      city: "Paris",
      days: 1,
    });
  });

  it.each([
    ["none", undefined, "stop"],
    ["required", "get_weather", "tool_calls"],
    [{ type: "function" as const, function: { name: "get_weather" } }, "get_weather", "stop"],
  ] as const)("honour the tool choice %j", async (choice, name, reason) => {
    const request = {
      model: "gpt-4o",
      messages: [user("Hello there")],
      tools: [weather],
      tool_choice: choice,
    };
    const answer = await client.chat.completions.create(request);
    const call = answer.choices[0]?.message.tool_calls?.[0];
    expect(call?.type === "function" ? call.function.name : undefined).toBe(name);
    expect(answer.choices[0]?.finish_reason).toBe(reason);
  });

  it("fill a JSON schema", async () => {
    const schema = {
      type: "object",
      properties: { place: { type: "string" } },
      required: ["place"],
      additionalProperties: false,
    };
    const answer = await client.chat.completions.create({
      model: "gpt-4o",
      messages: [user("Where is Berlin?")],
      response_format: { type: "json_schema", json_schema: { name: "place", schema, strict: true } },
    });
    expect(JSON.parse(answer.choices[0]?.message.content ?? "")).toEqual({ place: "Berlin" });
  });

  it("serve Azure's paths, whose model is the deployment", async () => {
    const answer = await fetch(
      `${simulator.url}/openai/deployments/my%20gpt/chat/completions?api-version=1`,
      {
        method: "POST",
        headers: { "api-key": "sk-right" },
        body: JSON.stringify({ messages: [user("Hi")] }),
      },
    );
    expect(await answer.json()).toMatchObject({ model: "my gpt" });
    expect(simulator.received()[0]).toMatchObject({ query: "api-version=1", credentialHeaders: ["api-key"] });
  });

  it("answer under the dated name when told to", async () => {
    const dated = await startSimulator({ now: () => 0, datedModels: true });
    const other = new OpenAI({ apiKey: "any", baseURL: `${dated.url}/v1`, maxRetries: 0 });
    const name = async (model: string) =>
      (await other.chat.completions.create({ model, messages: [user("Hi")] })).model;
    expect(await name("gpt-4o")).toBe("gpt-4o-2026-01-15");
    expect(await name("gpt-4o-2024-08-06")).toBe("gpt-4o-2024-08-06");
    await dated.close();
  });
});

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

describe("embeddings", () => {
  it("have the model's length, padded with zeros", async () => {
    const answer = await client.embeddings.create({
      model: "text-embedding-3-small",
      input: ["one", "three"],
    });
    expect(answer.data.map(({ index, embedding }) => [index, embedding.length])).toEqual([
      [0, 1536],
      [1, 1536],
    ]);
    expect([...Float32Array.from(answer.data[1]?.embedding.slice(0, 4) ?? [])]).toEqual([
      ...fakeEmbed("three"),
    ]);
    expect(answer.data[0]?.embedding.slice(4).every((value) => value === 0)).toBe(true);
    expect(answer.usage).toEqual({ prompt_tokens: 2, total_tokens: 2 });
  });

  it.each([
    ["text-embedding-3-large", undefined, 3072],
    ["text-embedding-ada-002", undefined, 1536],
    ["text-embedding-3-small", 1024, 1024],
    ["some-model", undefined, 4],
    ["some-model", 8, 8],
  ])("of %s with dimensions %s are %d long", async (model, dimensions, length) => {
    const asked = dimensions === undefined ? {} : { dimensions };
    const answer = await client.embeddings.create({
      model,
      input: "one",
      encoding_format: "float",
      ...asked,
    });
    expect(answer.data[0]?.embedding).toHaveLength(length);
  });

  it("are unit vectors when they are cut short", async () => {
    const answer = await client.embeddings.create({
      model: "text-embedding-3-small",
      input: "one",
      dimensions: 2,
    });
    expect(answer.data[0]?.embedding.map((value) => Math.round(value * 1e6) / 1e6)).toEqual([0.6, 0.8]);
  });

  it("are the same in both encodings", async () => {
    const ask = (format: "float" | "base64") =>
      client.post("/embeddings", {
        body: { model: "text-embedding-3-small", input: "one", dimensions: 3, encoding_format: format },
      });
    const [floats, base64] = (await Promise.all([ask("float"), ask("base64")])) as {
      data: { embedding: number[] | string }[];
    }[];
    const bytes = Buffer.from(String(base64?.data[0]?.embedding), "base64");
    expect([0, 4, 8].map((offset) => bytes.readFloatLE(offset))).toEqual(floats?.data[0]?.embedding);
  });

  it.each([
    ["no input", { input: undefined }, /Missing required parameter: 'input'/],
    ["an empty input", { input: "" }, /empty string/],
    ["an empty list", { input: [] }, /empty array/],
    ["an empty text in a list", { input: ["a", ""] }, /input 1 is an empty string/],
    ["token ids", { input: [[1, 2]] }, /token ids.*send strings/],
    ["too many inputs", { input: Array.from({ length: 2049 }, () => "a") }, /at most 2048 inputs.*got 2049/],
    ["too long an input", { input: "word ".repeat(8200) }, /maximum context length is 8192 tokens/],
    [
      "dimensions of ada",
      { model: "text-embedding-ada-002", dimensions: 8 },
      /does not support specifying dimensions/,
    ],
    ["too many dimensions", { dimensions: 1537 }, /from 1 to 1536/],
    ["no dimensions", { dimensions: 0 }, /from 1 to 1536/],
    ["an unknown encoding", { encoding_format: "hex" }, /'hex'/],
  ])("refuse %s with the vendor's 400", async (_, changes, message) => {
    const body = { model: "text-embedding-3-small", input: "one", ...changes };
    const answer = client.post("/embeddings", { body });
    await expect(answer).rejects.toMatchObject({
      status: 400,
      type: "invalid_request_error",
      message: expect.stringMatching(message),
    });
  });

  it("are refused without an embedder", async () => {
    const bare = await startSimulator({ now: () => 0 });
    const other = new OpenAI({ apiKey: "any", baseURL: `${bare.url}/v1`, maxRetries: 0 });
    const answer = other.embeddings.create({ model: "text-embedding-3-small", input: "one" });
    await expect(answer).rejects.toMatchObject({
      status: 404,
      message: expect.stringContaining("without an embedder"),
    });
    await bare.close();
  });
});

describe("models", () => {
  it("are listed and found", async () => {
    const names = (await client.models.list()).data.map(({ id }) => id);
    expect(names).toContain("gpt-4o-mini");
    expect((await client.models.retrieve("gpt-4o")).id).toBe("gpt-4o");
    await expect(client.models.retrieve("nobody")).rejects.toMatchObject({
      status: 404,
      code: "model_not_found",
    });
  });

  it("are not written to", async () => {
    await expect(client.post("/models", { body: {} })).rejects.toMatchObject({ status: 405 });
    await expect(client.post("/nowhere", { body: {} })).rejects.toMatchObject({ status: 404 });
  });
});
