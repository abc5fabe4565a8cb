import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assemble, listen } from "../provider.contract.ts";
import { createMessageDecoder } from "./stream.ts";

interface VendorEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

const decode = (events: readonly VendorEvent[], includeUsage = false) =>
  listen(
    createMessageDecoder({ includeUsage, model: "claude-x", createdSeconds: 1_700_000_000 }),
    events.map((data) => ({ event: data.type, data: JSON.stringify(data) })),
  );

const start = (usage: unknown = { input_tokens: 5, output_tokens: 1 }) => ({
  type: "message_start",
  message: { id: "msg_1", model: "claude-x-1", role: "assistant", content: [], usage },
});
const block = (index: number, content_block: object) => ({
  type: "content_block_start",
  index,
  content_block,
});
const delta = (index: number, delta: object) => ({ type: "content_block_delta", index, delta });
const text = (index: number, value: string) => delta(index, { type: "text_delta", text: value });
const json = (index: number, value: string) =>
  delta(index, { type: "input_json_delta", partial_json: value });
const stop = (index: number) => ({ type: "content_block_stop", index });
const end = (stop_reason = "end_turn", usage: unknown = { output_tokens: 9 }) => [
  { type: "message_delta", delta: { stop_reason, stop_sequence: null }, usage },
  { type: "message_stop" },
];
const tool = (index: number, id: string) =>
  block(index, { type: "tool_use", id, name: `do_${id}`, input: {} });

describe("a stream of the Messages API", () => {
  it("gives the client the text, the calls and their arguments, whatever they hold and however they mix", () => {
    const part = fc.oneof(
      fc
        .array(fc.string({ unit: "grapheme" }), { maxLength: 4 })
        .map((pieces) => ({ kind: "text" as const, pieces })),
      fc.jsonValue().map((value) => ({ kind: "tool" as const, input: JSON.stringify({ value }) })),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), fc.boolean(), (parts, isTogether) => {
        const opened = parts.map((item, index) =>
          item.kind === "text" ? block(index, { type: "text", text: "" }) : tool(index, `t${index}`),
        );
        const filled = parts.map((item, index) =>
          item.kind === "text"
            ? item.pieces.map((piece) => text(index, piece))
            : [json(index, item.input.slice(0, 3)), json(index, item.input.slice(3))],
        );
        // Blocks usually come one after the other; nothing forbids that calls are open together.
        const events = isTogether
          ? [...opened, ...filled.flat(), ...parts.map((_, index) => stop(index))]
          : parts.flatMap((_, index) => [
              opened[index] ?? stop(index),
              ...(filled[index] ?? []),
              stop(index),
            ]);
        const heard = decode([start(), ...events, ...end()]);
        const message = assemble(heard.chunks);
        const lines = parts.flatMap((item) =>
          item.kind === "text" && item.pieces.join("") !== "" ? [item.pieces.join("")] : [],
        );
        const calls = parts.flatMap((item, index) =>
          item.kind === "tool" ? [{ id: `t${index}`, name: `do_t${index}`, arguments: item.input }] : [],
        );
        expect(message["content"]).toBe(lines.join("\n"));
        expect(message["calls"]).toEqual(calls.length > 0 ? calls : undefined);
        expect(heard.completed).toEqual(["stop"]);
      }),
    );
  });

  it("numbers calls by themselves, not by block, and in parallel", () => {
    const heard = decode([
      start(),
      block(0, { type: "text", text: "ok" }),
      stop(0),
      tool(1, "a"),
      tool(3, "b"),
      json(3, "{}"),
      json(1, "{}"),
      stop(3),
      stop(1),
    ]);
    const indices = heard.chunks.flatMap(
      (chunk) =>
        JSON.parse(chunk).choices[0].delta.tool_calls?.map((call: { index: number }) => call.index) ?? [],
    );
    expect(indices).toEqual([0, 1, 1, 0]);
  });

  it("gives a call without arguments an empty object, and takes arguments that come all at once", () => {
    const whole = block(1, { type: "tool_use", id: "b", name: "do_b", input: { x: [] } });
    expect(assemble(decode([start(), tool(0, "a"), stop(0), whole, stop(1)]).chunks)["calls"]).toEqual([
      { id: "a", name: "do_a", arguments: "{}" },
      { id: "b", name: "do_b", arguments: '{"x":[]}' },
    ]);
  });

  it("replaces provisional counts by cumulative ones and keeps those that are not repeated (Kong before 3.15.0.4 summed)", () => {
    const first = {
      input_tokens: 5,
      cache_read_input_tokens: 100,
      cache_creation_input_tokens: 7,
      output_tokens: 1,
    };
    const last = { input_tokens: null, output_tokens: 40 };
    const heard = decode(
      [start(first), ...end("end_turn", { output_tokens: 20 }).slice(0, 1), ...end("end_turn", last)],
      true,
    );
    expect(heard.usage).toEqual({
      inputTokens: 112,
      outputTokens: 40,
      cachedInputTokens: 100,
      cacheWriteTokens: 7,
    });
    expect(JSON.parse(heard.chunks.at(-1) ?? "")).toMatchObject({
      id: "msg_1",
      choices: [],
      usage: {
        prompt_tokens: 112,
        completion_tokens: 40,
        total_tokens: 152,
        prompt_tokens_details: { cached_tokens: 100 },
      },
    });
  });

  it("keeps the lives of cache entries and the tier, which only the start tells", () => {
    const first = {
      input_tokens: 5,
      cache_creation_input_tokens: 7,
      cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 7 },
      output_tokens: 1,
      service_tier: "standard",
    };
    expect(decode([start(first), ...end()]).usage).toEqual({
      inputTokens: 12,
      outputTokens: 9,
      cacheWriteTokens: 7,
      cacheWriteTokensByTtl: { "1h": 7 },
      serviceTier: "standard",
    });
  });

  it("counts what it knows so far, for a client that leaves", () => {
    expect(decode([start()]).usage).toEqual({ inputTokens: 5, outputTokens: 1 });
  });

  it.each(["none", null, {}, { input_tokens: "x" }, 7])(
    "shows no usage where the vendor counts none: %j",
    (usage) => {
      const heard = decode([start(usage), ...end("end_turn", usage)], true);
      expect(heard).toMatchObject({ usage: undefined, failures: [], completed: ["stop"] });
      expect(heard.chunks.some((chunk) => chunk.includes('"usage"'))).toBe(false);
    },
  );

  it("keeps the vendor's reason beside ours", () => {
    const chunk = decode([start(), ...end("pause_turn")]).chunks.at(-1) ?? "";
    expect(JSON.parse(chunk).choices[0]).toMatchObject({
      finish_reason: "stop",
      native_finish_reason: "pause_turn",
    });
  });

  it("is complete only with message_stop, and reads nothing after it", () => {
    expect(decode([start(), ...end().slice(0, 1)]).completed).toEqual([]);
    expect(decode([start(), ...end(), text(0, "late"), { type: "message_stop" }])).toMatchObject({
      completed: ["stop"],
      chunks: { length: 2 },
    });
  });

  it.each([
    [{ type: "error", error: { type: "overloaded_error", message: "Overloaded" } }, "Overloaded"],
    [{ type: "error", error: { type: "api_error" } }, "api_error"],
    [{ type: "error" }, "the upstream reported an error and gave no reason"],
  ])("fails with the vendor's reason for %j, and says nothing after it", (error, message) => {
    expect(decode([start(), error, ...end()])).toMatchObject({
      failures: [message],
      completed: [],
      chunks: { length: 1 },
    });
  });

  it("passes over pings, comments of tools that run at the vendor's, and events to come", () => {
    const ignored = [
      { type: "ping" },
      block(0, { type: "server_tool_use", id: "s", name: "web_search", input: {} }),
      json(0, '{"query":"x"}'),
      stop(0),
      block(1, { type: "web_search_tool_result", content: [] }),
      stop(1),
      delta(2, { type: "citations_delta", citation: {} }),
      { type: "constructor" },
      { type: "content_block_delta" },
      { type: "message_delta" },
    ];
    expect(decode([start(), ...ignored, ...end()])).toMatchObject({
      chunks: { length: 2 },
      failures: [],
      completed: ["stop"],
    });
  });

  it("reads a stream whose event names a proxy has lost, or whose data does not repeat them", () => {
    const decoder = () => createMessageDecoder({ includeUsage: false, model: "m", createdSeconds: 1 });
    expect(listen(decoder(), [{ event: "message", data: '{"type":"message_stop"}' }]).completed).toEqual([
      undefined,
    ]);
    expect(listen(decoder(), [{ event: "message_stop", data: "{}" }]).completed).toEqual([undefined]);
  });

  it("carries the configured model and a stand-in id where the stream does not begin as it should", () => {
    const heard = decode([block(0, { type: "text", text: "hi" })]);
    expect(JSON.parse(heard.chunks[0] ?? "")).toMatchObject({
      id: "chatcmpl-1700000000",
      model: "claude-x",
      created: 1_700_000_000,
    });
  });
});
