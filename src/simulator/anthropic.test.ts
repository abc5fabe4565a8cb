import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Simulator, startSimulator } from "./simulator.ts";

let simulator: Simulator;

beforeAll(async () => {
  simulator = await startSimulator({ now: () => 0, apiKey: "sk-ant" });
});
afterAll(() => simulator.close());

const headers = {
  "x-api-key": "sk-ant",
  "anthropic-version": "2023-06-01",
  "content-type": "application/json",
};
const user = (content: unknown) => ({ role: "user", content });
const assistant = (content: unknown) => ({ role: "assistant", content });
const base = {
  model: "claude-sonnet-4-5",
  max_tokens: 400,
  messages: [user("What is the weather in Rome like today?")],
};
const tools = [
  {
    name: "weather",
    input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
];
const use = { type: "tool_use", id: "toolu_1", name: "weather", input: {} };
const result = {
  type: "tool_result",
  tool_use_id: "toolu_1",
  content: [{ type: "text", text: "31 degrees" }],
};

async function send(body: object, changed: Record<string, string> = headers) {
  return fetch(`${simulator.url}/v1/messages`, {
    method: "POST",
    headers: changed,
    body: JSON.stringify(body),
  });
}

async function ask(body: object): Promise<Record<string, unknown>> {
  const answer = await send(body);
  expect(answer.status).toBe(200);
  return (await answer.json()) as Record<string, unknown>; // every answer is an object
}

/** Events with their data, which must repeat the event's name. */
async function stream(body: object): Promise<Record<string, unknown>[]> {
  const answer = await send({ ...body, stream: true });
  expect(answer.headers.get("content-type")).toContain("text/event-stream");
  const frames = (await answer.text()).trimEnd().split("\n\n");
  return frames.map((frame) => {
    const [, name, data] = /^event: (\w+)\ndata: (.+)$/.exec(frame) ?? [];
    const parsed = JSON.parse(data ?? "") as Record<string, unknown>; // as above
    expect(parsed["type"]).toBe(name);
    return parsed;
  });
}

describe("messages", () => {
  it("answer as the vendor does, with the request's id in a header", async () => {
    const answer = await send({ ...base, system: "Be brief." });
    expect(answer.headers.get("request-id")).toMatch(/^req_/);
    expect(await answer.json()).toMatchObject({
      id: expect.stringMatching(/^msg_01/),
      type: "message",
      role: "assistant",
      model: "claude-sonnet-4-5",
      content: [{ type: "text", text: expect.stringContaining("weather") }],
      stop_reason: "end_turn",
      stop_sequence: null,
      usage: {
        input_tokens: expect.any(Number),
        output_tokens: expect.any(Number),
        cache_read_input_tokens: 0,
      },
    });
  });

  it("count the system prompt and the tools as input", async () => {
    const tokens = async (body: object) => (await ask(body))["usage"] as { input_tokens: number };
    const plain = await tokens(base);
    expect(
      (await tokens({ ...base, system: [{ type: "text", text: "Be brief." }] })).input_tokens,
    ).toBeGreaterThan(plain.input_tokens);
    expect((await tokens({ ...base, tools })).input_tokens).toBeGreaterThan(plain.input_tokens + 10);
  });

  it("stop at max_tokens and at a stop sequence", async () => {
    expect(await ask({ ...base, max_tokens: 3 })).toMatchObject({
      stop_reason: "max_tokens",
      usage: { output_tokens: 3 },
    });
    const stopped = await ask({ ...base, stop_sequences: ["weather"] });
    expect(stopped).toMatchObject({ stop_reason: "stop_sequence", stop_sequence: "weather" });
  });

  it("use tools, then tell what the tools said", async () => {
    const first = await ask({ ...base, tools });
    expect(first).toMatchObject({
      stop_reason: "tool_use",
      content: [{ type: "tool_use", name: "weather", input: { city: "Rome" } }],
    });
    const second = await ask({
      ...base,
      tools,
      messages: [...base.messages, assistant([use]), user([result])],
    });
    expect(JSON.stringify(second["content"])).toContain("31 degrees");
    expect(second["stop_reason"]).toBe("end_turn");
  });

  it.each([
    ["none", "end_turn"],
    ["any", "tool_use"],
  ])("honour the tool choice %s", async (type, reason) => {
    const messages = [...base.messages, assistant([use]), user([result])];
    expect(await ask({ ...base, tools, tool_choice: { type }, messages })).toMatchObject({
      stop_reason: reason,
    });
  });

  it("stream the vendor's sequence of events", async () => {
    const whole = await ask(base);
    const events = await stream(base);
    const names = events.map(({ type }) => type);
    expect(names.slice(0, 4)).toEqual([
      "message_start",
      "content_block_start",
      "ping",
      "content_block_delta",
    ]);
    expect(names.slice(-4)).toEqual([
      "content_block_delta",
      "content_block_stop",
      "message_delta",
      "message_stop",
    ]);
    const deltas = events.map((event) => event["delta"] as { text?: string } | undefined);
    expect([{ type: "text", text: deltas.map((delta) => delta?.text ?? "").join("") }]).toEqual(
      whole["content"],
    );
    expect(events[0]).toMatchObject({
      message: { content: [], stop_reason: null, usage: { output_tokens: 1 } },
    });
    const { usage } = whole as { usage: { output_tokens: number } };
    expect(events.at(-2)).toMatchObject({
      delta: { stop_reason: "end_turn" },
      usage: { output_tokens: usage.output_tokens },
    });
  });

  it("stream the input of tools in pieces", async () => {
    const events = await stream({ ...base, tools });
    expect(events[1]).toMatchObject({ content_block: { type: "tool_use", name: "weather", input: {} } });
    const pieces = events.map(
      (event) => (event["delta"] as { partial_json?: string } | undefined)?.partial_json ?? "",
    );
    expect(JSON.parse(pieces.join(""))).toEqual({ city: "Rome" });
    expect(pieces.filter((piece) => piece !== "").length).toBeGreaterThan(1);
  });
});

describe("refusals of a message request", () => {
  const without = (field: string) =>
    Object.fromEntries(Object.entries(base).filter(([name]) => name !== field));

  it.each([
    ["no model", without("model"), "model: Field required"],
    ["no max_tokens", without("max_tokens"), "max_tokens: Field required"],
    ["no messages", without("messages"), "messages: Field required"],
    ["max_tokens of 0", { ...base, max_tokens: 0 }, "max_tokens: Input should be greater than or equal to 1"],
    ["a field of another vendor", { ...base, n: 1 }, "n: Extra inputs are not permitted"],
    ["a temperature above 1", { ...base, temperature: 1.5 }, "temperature: range: 0..1"],
    ["no message", { ...base, messages: [] }, "at least one message is required"],
    [
      "a system message",
      { ...base, messages: [{ role: "system", content: "x" }] },
      "top-level `system` parameter",
    ],
    [
      "another role",
      { ...base, messages: [{ role: "tool", content: "x" }] },
      "messages.0.role: Input should be 'user' or 'assistant'",
    ],
    ["an assistant first", { ...base, messages: [assistant("x")] }, 'first message must use the "user" role'],
    ["two users in a row", { ...base, messages: [user("a"), user("b")] }, "roles must alternate"],
    ["empty content", { ...base, messages: [user("")] }, "non-empty content"],
    [
      "an empty text block",
      { ...base, messages: [user([{ type: "text", text: "" }])] },
      "text content blocks must be non-empty",
    ],
    [
      "an OpenAI image",
      { ...base, messages: [user([{ type: "image_url" }])] },
      "messages.0.content.0: Input tag 'image_url'",
    ],
    ["a tool without a schema", { ...base, tools: [{ name: "x" }] }, "tools.0.input_schema: Field required"],
    [
      "a choice without tools",
      { ...base, tool_choice: { type: "auto" } },
      "tool_choice: may only be specified",
    ],
    ["an OpenAI tool choice", { ...base, tools, tool_choice: "auto" }, "one of auto, any, tool, none"],
    ["a stray tool result", { ...base, messages: [user([result])] }, "unexpected `tool_use_id`"],
    [
      "a tool result of another use",
      { ...base, messages: [user("a"), assistant([{ ...use, id: "x" }]), user([result])] },
      "unexpected `tool_use_id`",
    ],
    [
      "an unanswered use",
      { ...base, messages: [user("a"), assistant([use]), user("b")] },
      "messages.1: `tool_use` ids were found without",
    ],
    [
      "a last unanswered use",
      { ...base, messages: [user("a"), assistant([use])] },
      "messages.1: `tool_use` ids were found without",
    ],
  ])("for %s is the vendor's 400", async (_, body, message) => {
    const answer = await send(body);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({
      type: "error",
      error: { type: "invalid_request_error", message: expect.stringContaining(message) },
      request_id: answer.headers.get("request-id"),
    });
  });

  it("for headers are the vendor's 401 and 400", async () => {
    const { "x-api-key": key, ...keyless } = headers;
    const { "anthropic-version": _, ...versionless } = headers;
    const refused = async (changed: Record<string, string>) => {
      const answer = await send(base, changed);
      return [answer.status, await answer.text()];
    };
    expect(await refused(keyless)).toEqual([401, expect.stringContaining("x-api-key header is required")]);
    expect(await refused({ ...headers, "x-api-key": `${key}x` })).toEqual([
      401,
      expect.stringContaining("authentication_error"),
    ]);
    expect(await refused(versionless)).toEqual([
      400,
      expect.stringContaining("anthropic-version: header is required"),
    ]);
  });
});
