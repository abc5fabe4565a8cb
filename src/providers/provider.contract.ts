/** What every provider must do, whatever its vendor. A member's test calls `describeProvider` and adds its own. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GatewayError } from "../errors.ts";
import type { ServerSentEvent } from "../http/sse.ts";
import { createSseParser } from "../http/sse-parser.ts";
import type { ChatRequest } from "../llm/chat.ts";
import type { Usage } from "../llm/usage.ts";
import { type ModelOptions, modelOptions } from "./model-options.ts";
import type { ChatOperation, ChunkSink, Provider, StreamDecoder, UpstreamModel } from "./provider.ts";

/** Options as the config's schema leaves them. */
export function upstreamModel(name: string, options: Partial<ModelOptions> = {}): UpstreamModel {
  return { name, options: modelOptions.parse(options) };
}

/** Everything a decoder said, in order. */
export interface Heard {
  readonly chunks: readonly string[];
  readonly usage: Usage | undefined;
  readonly model: string | undefined;
  readonly completed: readonly (string | undefined)[];
  readonly failures: readonly string[];
}

export function listen(decoder: StreamDecoder, events: Iterable<ServerSentEvent>): Heard {
  const heard = {
    chunks: [] as string[],
    usage: undefined as Usage | undefined,
    model: undefined as string | undefined,
    completed: [] as (string | undefined)[],
    failures: [] as string[],
  };
  const sink: ChunkSink = {
    chunk: (json) => heard.chunks.push(json),
    usage: (usage) => {
      heard.usage = usage;
    },
    model: (name) => {
      heard.model = name;
    },
    complete: (reason) => heard.completed.push(reason),
    fail: (message) => heard.failures.push(message),
  };
  for (const event of events) decoder.push(event, sink);
  return heard;
}

/** What a client's SDK puts together from chunks: the first choice's message, with its tool calls in order. */
export function assemble(chunks: readonly string[]): Record<string, unknown> {
  const message: Record<string, unknown> = {};
  const calls: Record<string, string>[] = [];
  for (const chunk of chunks) {
    const { delta = {}, finish_reason: reason = null } = JSON.parse(chunk).choices?.[0] ?? {};
    const { tool_calls: deltas = [], ...fields } = delta;
    addCalls(calls, deltas);
    for (const [field, value] of Object.entries(fields)) append(message, field, value);
    if (reason !== null) message["finish_reason"] = reason;
  }
  return { ...message, ...(calls.length > 0 && { calls }) };
}

function append(message: Record<string, unknown>, field: string, value: unknown): void {
  if (Array.isArray(value)) message[field] = [...((message[field] as unknown[]) ?? []), ...value];
  else if (typeof value === "string") message[field] = `${message[field] ?? ""}${value}`;
}

interface CallDelta {
  readonly index: number;
  readonly id?: string;
  readonly function: { readonly name?: string; readonly arguments?: string };
}

function addCalls(calls: Record<string, string>[], deltas: readonly CallDelta[]): void {
  for (const { index, id, function: target } of deltas) {
    const call = calls[index] ?? { id: "", name: "", arguments: "" };
    calls[index] = call;
    call["id"] += id ?? "";
    call["name"] += target.name ?? "";
    call["arguments"] += target.arguments ?? "";
  }
}

/** Code, status and message of the `GatewayError` that is thrown; "nothing was thrown" where none is. */
export function refusalOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return error instanceof GatewayError ? `${error.code} ${error.status}: ${error.message}` : String(error);
  }
  return "nothing was thrown";
}

export function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}

const streamOptions = { model: "configured-model", createdSeconds: 1_700_000_000 };
const context = { model: "configured-model", createdSeconds: 1_700_000_000 };
const fixtures = new URL("../../test/fixtures/providers/", import.meta.url);

function fixturePath(...names: readonly string[]): string {
  return fileURLToPath(new URL(names.join("/"), fixtures));
}

function readEvents(sse: Uint8Array, cut: number): readonly ServerSentEvent[] {
  const events: ServerSentEvent[] = [];
  const parser = createSseParser((event) => events.push(event));
  parser.push(sse.subarray(0, cut));
  parser.push(sse.subarray(cut));
  parser.end();
  return events;
}

/**
 * Runs the contract. Expects `full.json` beside the provider's folder, and in it `answer.json` and `stream.sse`: one
 * answer as the vendor sends it whole and as a stream. Goldens are written beside them.
 */
export function describeProvider(provider: Provider, model: UpstreamModel): void {
  const chat = provider.chat as ChatOperation;
  const full = deepFreeze(JSON.parse(readFileSync(fixturePath("full.json"), "utf8"))) as ChatRequest;
  const answer: unknown = deepFreeze(
    JSON.parse(readFileSync(fixturePath(provider.name, "answer.json"), "utf8")),
  );
  const sse = readFileSync(fixturePath(provider.name, "stream.sse"));
  const golden = (name: string) => fixturePath(provider.name, name);
  const pretty = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

  describe(`provider ${provider.name}`, () => {
    it("encodes the full request as its golden says", async () => {
      const request = { endpoint: provider.endpoint("chat", model), headers: provider.headers?.(model) };
      await expect(pretty({ ...request, ...chat.encode(full, model) })).toMatchFileSnapshot(
        golden("request.golden.json"),
      );
    });

    it("encodes the same twice and leaves the client's request and the config alone", () => {
      const frozen = deepFreeze({ ...model });
      expect(chat.encode(full, frozen)).toEqual(chat.encode(full, frozen));
    });

    it("writes plain lower-case headers, names the model and says whether to stream", () => {
      const { body, headers } = chat.encode(full, model);
      expect(body).toMatchObject({ model: model.name, stream: true });
      for (const name of Object.keys({ ...headers, ...provider.headers?.(model) }))
        expect(name).toBe(name.toLowerCase());
      expect(chat.encode({ messages: [{ role: "user", content: "hi" }] }, model).body["stream"]).toBe(false);
    });

    it("does not let extra_body past the limit on output", () => {
      const request = {
        messages: full.messages,
        max_tokens: 10,
        extra_body: { max_tokens: 99, max_completion_tokens: 98 },
      };
      const { body } = chat.encode(request, model);
      expect(
        [body["max_tokens"], body["max_completion_tokens"]].filter((limit) => limit !== undefined),
      ).toEqual([10]);
    });

    it("decodes a whole answer as its golden says", async () => {
      await expect(pretty(chat.decode(answer, context))).toMatchFileSnapshot(golden("answer.golden.json"));
    });

    it.each([
      null,
      7,
      "text",
      [],
      {},
      { choices: null, content: null },
      { error: { message: "overloaded" } },
    ])("refuses %j as an answer", (body) => {
      expect(() => chat.decode(body, context)).toThrow(
        expect.objectContaining({ code: "upstream_unusable", status: 500 }),
      );
    });

    it.each([true, false])(
      "decodes the stream as its golden says (usage asked for: %s)",
      async (includeUsage) => {
        const heard = listen(chat.stream({ ...streamOptions, includeUsage }), readEvents(sse, 0));
        const { chunks, ...rest } = heard;
        const file = includeUsage ? "stream-with-usage.golden.json" : "stream.golden.json";
        await expect(
          pretty({ chunks: chunks.map((chunk) => JSON.parse(chunk)), ...rest }),
        ).toMatchFileSnapshot(golden(file));
      },
    );

    it("says the same wherever the stream is cut", () => {
      const whole = listen(chat.stream({ ...streamOptions, includeUsage: true }), readEvents(sse, 0));
      for (let cut = 1; cut < sse.length; cut += 1) {
        const heard = listen(chat.stream({ ...streamOptions, includeUsage: true }), readEvents(sse, cut));
        if (JSON.stringify(heard) !== JSON.stringify(whole)) expect({ cut, ...heard }).toEqual(whole);
      }
    });

    it("says the same whole and as a stream: message, finish reason, model, usage", () => {
      const decoded = chat.decode(answer, context);
      const heard = listen(chat.stream({ ...streamOptions, includeUsage: false }), readEvents(sse, 0));
      const response = (decoded.response ?? answer) as { choices: [{ message: WholeMessage }] };
      const { tool_calls: calls, ...message } = response.choices[0].message;
      const filled = Object.entries(message).filter(([, value]) => value !== null && String(value) !== "");
      expect(assemble(heard.chunks)).toEqual({
        ...Object.fromEntries(filled),
        calls: calls.map(({ id, function: target }) => ({ id, ...target })),
        finish_reason: decoded.finishReason,
      });
      expect(heard.usage).toEqual(decoded.usage);
      expect(heard.model).toBe(decoded.responseModel);
      expect(heard.completed).toEqual([decoded.finishReason]);
      expect(heard.failures).toEqual([]);
    });

    it("shows usage in a stream only to those who asked", () => {
      const shown = (includeUsage: boolean) =>
        listen(chat.stream({ ...streamOptions, includeUsage }), readEvents(sse, 0))
          .chunks.map((chunk) => JSON.parse(chunk))
          .filter((chunk) => chunk.usage !== undefined && chunk.usage !== null);
      expect(shown(false)).toEqual([]);
      expect(shown(true)).toEqual([expect.objectContaining({ choices: [] })]);
    });

    it("gives every chunk an id, an object, a time and a model, on one line", () => {
      for (const chunk of listen(chat.stream({ ...streamOptions, includeUsage: true }), readEvents(sse, 0))
        .chunks) {
        expect(chunk).not.toMatch(/[\r\n]/);
        expect(JSON.parse(chunk)).toMatchObject({
          id: expect.stringMatching(/./),
          object: "chat.completion.chunk",
          created: expect.any(Number),
          model: expect.stringMatching(/./),
        });
      }
    });

    it("does not call a stream complete that was cut before its end", () => {
      const events = readEvents(sse, 0);
      const half = events.slice(0, Math.floor(events.length / 2));
      expect(listen(chat.stream({ ...streamOptions, includeUsage: true }), half).completed).toEqual([]);
    });

    it("throws at no event, however odd, and says nothing after a failure", () => {
      const names = fc.constantFrom(
        "message",
        "error",
        "ping",
        "message_start",
        "content_block_delta",
        "message_delta",
      );
      const data = fc.oneof(
        fc.string(),
        fc.json(),
        fc.constantFrom(
          "[DONE]",
          "null",
          "[]",
          '{"choices":null}',
          '{"choices":[null]}',
          '{"usage":{"prompt_tokens":"x"}}',
        ),
      );
      const events = fc.array(fc.record({ event: names, data }), { maxLength: 8 });
      fc.assert(
        fc.property(events, (junk) => {
          const heard = listen(chat.stream({ ...streamOptions, includeUsage: false }), junk);
          expect(heard.failures.length + heard.completed.length).toBeLessThanOrEqual(2);
          expect(heard.failures.length).toBeLessThanOrEqual(1);
        }),
      );
    });

    it("quotes neither prompts nor answers in what it says went wrong", () => {
      const secret = "sk-live-4711";
      const heard = listen(chat.stream({ ...streamOptions, includeUsage: false }), [
        { event: "message", data: `{"x": ${secret}` },
      ]);
      expect(heard.failures).toEqual([expect.stringMatching(/^empty or unsupported transformer response/)]);
      expect(heard.failures.join()).not.toContain(secret);
      const request = { messages: [{ role: "user", content: [{ type: "hologram", data: secret }] }] };
      const encode = () => chat.encode(request, model);
      try {
        expect(JSON.stringify(encode().warnings ?? [])).not.toContain(secret);
      } catch (error) {
        expect(error).toBeInstanceOf(GatewayError);
        expect(String(error)).not.toContain(secret);
      }
    });
  });
}

interface WholeMessage {
  readonly tool_calls: readonly { id: string; function: { name: string; arguments: string } }[];
  readonly [field: string]: unknown;
}
