/** Streams that go well: what the vendor says reaches the client, at once and in order, and nothing else does. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { eventsOf, type Stack, startStack } from "../support/gateway.ts";
import { anthropicTarget, chatUrl, openaiTarget, routesConfig } from "../support/gateway-config.ts";
import { bodyOf, startUpstream, type Upstream } from "../support/http-upstream.ts";
import { openStream, readStream } from "../support/stream-client.ts";

const ask = { messages: [{ role: "user", content: "Tell me about the sea" }], stream: true };

interface Chunk {
  readonly object: string;
  readonly model: string;
  readonly choices: readonly {
    readonly index: number;
    readonly delta: object;
    readonly finish_reason: string;
  }[];
  readonly usage?: object | null;
}

/** The chunks of a stream that has to end in `[DONE]`. */
function chunksOf(text: string): readonly Chunk[] {
  const events = eventsOf(text);
  expect(events.at(-1)).toBe("[DONE]");
  expect(events.filter((event) => event === "[DONE]")).toHaveLength(1);
  return events.slice(0, -1).map((event) => JSON.parse(event) as Chunk);
}

const weather = {
  type: "function",
  function: {
    name: "get_weather",
    description: "The weather in a city",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

describe("a stream", () => {
  let stack: Stack;
  const url = () => `${stack.url}/chat`;

  beforeAll(async () => {
    stack = await startStack({
      config: (simulator) =>
        routesConfig({
          chat: {
            targets: [openaiTarget(chatUrl(simulator), { options: { input_cost: 1, output_cost: 2 } })],
          },
          claude: {
            targets: [anthropicTarget(`${simulator}/v1/messages`, { model: "claude-haiku-4-5" })],
          },
          always: { response_streaming: "always", targets: [openaiTarget(chatUrl(simulator))] },
        }),
    });
  });
  beforeEach(() => stack.simulator.reset());
  afterAll(() => stack.close());

  it.each([
    ["words", {}],
    ["two choices", { n: 2 }],
    ["a tool call", { tools: [weather], messages: [{ role: "user", content: "Weather in Oslo?" }] }],
  ])("of %s is, chunk by chunk, what the vendor sends", async (_name, more) => {
    const direct = await readStream(`${stack.simulator.url}/v1/chat/completions`, {
      model: "gpt-4o",
      ...ask,
      ...more,
    });
    const through = await readStream(url(), { ...ask, ...more });
    expect(through.headers["content-type"]).toBe("text/event-stream; charset=utf-8");
    expect(through.headers["cache-control"]).toBe("no-cache");
    expect(through.headers["x-kong-llm-model"]).toBe("openai/gpt-4o");
    expect(through.complete).toBe(true);
    const withoutIds = (text: string) =>
      chunksOf(text).map((chunk) =>
        JSON.parse(JSON.stringify({ ...chunk, id: "", created: 0 }).replaceAll(/call_\w+/g, "call_")),
      );
    expect(withoutIds(through.text)).toEqual(withoutIds(direct.text));
    expect(chunksOf(direct.text).length).toBeGreaterThan(4);
  });

  it.each([
    ["chat", "openai"],
    ["claude", "anthropic"],
  ])("on /%s (%s) carries usage when the client asks for it, and only then", async (route) => {
    const silent = await readStream(`${stack.url}/${route}`, ask);
    expect(silent.text).not.toContain('"usage"');
    const asked = await readStream(`${stack.url}/${route}`, {
      ...ask,
      stream_options: { include_usage: true },
    });
    const chunks = chunksOf(asked.text);
    expect(chunks.filter(({ usage }) => usage !== undefined && usage !== null)).toHaveLength(1);
    expect(chunks.at(-1)).toMatchObject({
      choices: [],
      usage: { prompt_tokens: expect.any(Number), completion_tokens: expect.any(Number) },
    });
  });

  it("is accounted for, whether or not the client asked for usage", async () => {
    const { headers } = await readStream(url(), ask);
    const record = await stack.recordOf(String(headers["x-kong-request-id"]));
    const usage = record.ai?.proxy.usage;
    expect(record.ai?.proxy.meta).toMatchObject({ request_mode: "stream", finish_reason: "stop" });
    expect(usage).toMatchObject({ cost_known: true, time_to_first_token: expect.any(Number) });
    expect(usage?.estimated).toBeUndefined();
    expect(usage?.cost).toBeCloseTo(
      ((usage?.prompt_tokens ?? 0) + 2 * (usage?.completion_tokens ?? 0)) / 1e6,
      12,
    );
  });

  it("without token counts from the vendor is accounted for by an estimate that is called one", async () => {
    stack.simulator.behave({ behaviour: { noUsage: true, content: "x".repeat(400) } });
    const { headers } = await readStream(url(), ask);
    const record = await stack.recordOf(String(headers["x-kong-request-id"]));
    expect(record.ai?.proxy.usage).toMatchObject({
      estimated: true,
      prompt_tokens: 5 + 4 + 3, // five words, the message, and what begins the reply
      completion_tokens: 50, // eight letters x a token
    });
  });

  it.each([
    ["compressed", { gzip: true }],
    ["in pieces of 7 bytes", { chunkBytes: 7 }],
    ["compressed, in pieces of 5 bytes", { gzip: true, chunkBytes: 5 }],
  ])("that arrives %s is the same for the client", async (_name, behaviour) => {
    stack.simulator.behave({ behaviour: { content: "Grüße — 你好 🚢, all hands!" }, times: 1 });
    stack.simulator.behave({ behaviour: { ...behaviour, content: "Grüße — 你好 🚢, all hands!" } });
    const deltas = (text: string) => chunksOf(text).map(({ choices }) => choices);
    const plain = await readStream(url(), ask);
    const changed = await readStream(url(), ask);
    expect(changed.headers["content-encoding"]).toBeUndefined();
    expect(deltas(changed.text)).toEqual(deltas(plain.text));
    expect(changed.text).toContain("🚢");
  });

  it("is not compressed for the client, whose events would have to wait", async () => {
    const answer = await openStream(url(), ask, { "accept-encoding": "gzip" });
    expect(answer.headers["content-encoding"]).toBeUndefined();
    expect((await answer.rest()).text).toContain("[DONE]");
  });

  it("is what everybody gets where response_streaming is always", async () => {
    const { stream: _stream, ...whole } = ask;
    const answer = await readStream(`${stack.url}/always`, whole);
    expect(answer.headers["content-type"]).toBe("text/event-stream; charset=utf-8");
    expect(chunksOf(answer.text).length).toBeGreaterThan(2);
    expect(stack.simulator.received().at(-1)?.body).toMatchObject({ stream: true });
  });

  it("is not what a client gets who did not ask", async () => {
    const answer = await stack.send({ body: { ...ask, stream: false } });
    expect(answer.headers["content-type"]).toBe("application/json; charset=utf-8");
    expect(answer.json()["object"]).toBe("chat.completion");
  });

  it("from Anthropic reads like one from OpenAI, tool calls included", async () => {
    const body = { ...ask, tools: [weather], messages: [{ role: "user", content: "Weather in Oslo?" }] };
    const { text, headers } = await readStream(`${stack.url}/claude`, body);
    expect(headers["x-kong-llm-model"]).toBe("anthropic/claude-haiku-4-5");
    const chunks = chunksOf(text);
    expect(new Set(chunks.map(({ object }) => object))).toEqual(new Set(["chat.completion.chunk"]));
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe("tool_calls");
    const calls = chunks.flatMap(
      ({ choices }) => (choices[0]?.delta as { tool_calls?: ToolCallDelta[] } | undefined)?.tool_calls ?? [],
    );
    expect(calls[0]).toMatchObject({ index: 0, type: "function", function: { name: "get_weather" } });
    expect(calls[0]?.id).toMatch(/^toolu_/);
    const json = calls.map((call) => call.function?.arguments ?? "").join("");
    expect(JSON.parse(json)).toHaveProperty("city");
    const record = await stack.recordOf(String(headers["x-kong-request-id"]));
    expect(record.ai?.proxy.usage?.estimated).toBeUndefined();
    expect(record.ai?.proxy.meta.finish_reason).toBe("tool_calls");
  });
});

interface ToolCallDelta {
  readonly id?: string;
  readonly function?: { readonly arguments?: string };
}

describe("events", () => {
  let upstream: Upstream;
  let stack: Stack;
  let say: (text: string) => void;
  let end: () => void;
  let asked: Promise<void>;

  beforeAll(async () => {
    let onAsked: () => void = () => undefined;
    asked = new Promise((resolve) => {
      onAsked = resolve;
    });
    upstream = await startUpstream(async (request, response) => {
      await bodyOf(request);
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.flushHeaders();
      say = (text) => response.write(text);
      end = () => response.end();
      onAsked();
    });
    stack = await startStack({
      config: routesConfig({ chat: { targets: [openaiTarget(chatUrl(upstream.url))] } }),
    });
  });
  afterAll(async () => {
    await stack.close();
    await upstream.close();
  });

  it("go on to the client as they come, comments and pings left out", async () => {
    const chunk = (text: string, reason: string | null = null) =>
      `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta: { content: text }, finish_reason: reason }] })}\n\n`;
    const opening = openStream(`${stack.url}/chat`, ask);
    await asked;
    const answer = await opening;
    expect(answer.status).toBe(200);
    for (const word of ["One", " two", " three"]) {
      say(`: keep-alive\n\n${chunk(word)}`);
      expect(await answer.next()).toBe(chunk(word));
    }
    const [front, back] = [chunk(" four").slice(0, 40), chunk(" four").slice(40)];
    say(front);
    say(back);
    expect(await answer.next()).toBe(chunk(" four"));
    say(chunk("", "stop"));
    expect(await answer.next()).toBe(chunk("", "stop"));
    say("data: [DONE]\n\n");
    end();
    expect(await answer.rest()).toEqual({ text: "data: [DONE]\n\n", complete: true });
  });
});

describe("a vendor that answers JSON to a request for a stream", () => {
  it("has its answer told as a stream, with usage where asked", async () => {
    const message = {
      role: "assistant",
      content: null,
      tool_calls: [{ id: "call_1", type: "function", function: { name: "f", arguments: "{}" } }],
    };
    const upstream = await startUpstream(async (request, response) => {
      await bodyOf(request);
      response.writeHead(200, { "content-type": "application/json" });
      response.end(
        JSON.stringify({
          id: "c1",
          object: "chat.completion",
          created: 7,
          model: "m1",
          choices: [{ index: 0, message, finish_reason: "tool_calls" }],
          usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
        }),
      );
    });
    const stack = await startStack({
      config: routesConfig({ chat: { targets: [openaiTarget(chatUrl(upstream.url))] } }),
    });
    const { text, headers } = await readStream(`${stack.url}/chat`, {
      ...ask,
      stream_options: { include_usage: true },
    });
    expect(headers["content-type"]).toBe("text/event-stream; charset=utf-8");
    const chunks = chunksOf(text);
    expect(chunks[0]).toMatchObject({
      id: "c1",
      object: "chat.completion.chunk",
      choices: [{ delta: { role: "assistant", tool_calls: [{ index: 0, id: "call_1" }] } }],
    });
    expect(chunks[1]).toMatchObject({ choices: [{ delta: {}, finish_reason: "tool_calls" }] });
    expect(chunks[2]).toMatchObject({ choices: [], usage: { total_tokens: 7 } });
    const silent = await readStream(`${stack.url}/chat`, ask);
    expect(chunksOf(silent.text)).toHaveLength(2);
    await stack.close();
    await upstream.close();
  });
});
