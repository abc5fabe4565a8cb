import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createChunkDecoder } from "./openai-compatible-stream.ts";
import { assemble, listen } from "./provider.contract.ts";

const events = (...data: readonly (string | object)[]) =>
  data.map((item) => ({ event: "message", data: typeof item === "string" ? item : JSON.stringify(item) }));

const decode = (
  data: readonly (string | object)[],
  more: { includeUsage?: boolean; choices?: number } = {},
) =>
  listen(
    createChunkDecoder({ includeUsage: false, model: "m", createdSeconds: 1, ...more }),
    events(...data),
  );

const head = { id: "c1", object: "chat.completion.chunk", created: 1, model: "gpt-4o-2024-08-06" };
const delta = (content: string, more: object = {}) => ({
  ...head,
  choices: [{ index: 0, delta: { content }, finish_reason: null }],
  ...more,
});
const end = (more: object = {}, index = 0) => ({
  ...head,
  choices: [{ index, delta: {}, finish_reason: "stop" }],
  ...more,
});
const usage = { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 };

/** Texts that look like what the decoder looks for. */
const treacherous = fc.constantFrom(
  '"usage":{',
  ',"usage":null',
  '"usage":null,',
  'say "usage',
  "usage",
  '"finish_reason":"stop"',
  '{"error":{"message":"no"}}',
  '"error": 1',
  "[DONE]",
  "data: [DONE]\n\n",
  "\\",
  '\\"usage\\":{"prompt_tokens":1}',
  "\u2028\ud83d\ude00é",
);
const text = fc
  .array(fc.oneof(treacherous, fc.string(), fc.string({ unit: "grapheme" })), { maxLength: 4 })
  .map((parts) => parts.join(""));
const style = fc.constantFrom(
  (chunk: object) => JSON.stringify(chunk),
  // Python's json.dumps puts spaces after colons and commas; a pretty printer breaks lines.
  (chunk: object) => JSON.stringify(chunk, null, 1).replaceAll(/\n */g, " "),
  (chunk: object) => JSON.stringify(chunk, null, 2),
);

describe("a stream of OpenAI's chunks", () => {
  it("shows the client the deltas the upstream sent, whatever their text", () => {
    const stream = fc.record({
      texts: fc.array(text, { maxLength: 6 }),
      style,
      includeUsage: fc.boolean(),
      withNull: fc.boolean(),
    });
    fc.assert(
      fc.property(stream, ({ texts, style, includeUsage, withNull }) => {
        const more = withNull ? { usage: null } : {};
        const sent = [...texts.map((content) => delta(content, more)), end(more)];
        const counted = { ...head, choices: [], usage };
        const heard = decode([...sent, counted].map(style).concat("[DONE]"), { includeUsage });
        const shown = heard.chunks.map((chunk) => JSON.parse(chunk));
        const plain = sent.map(({ ...chunk }) => (includeUsage ? chunk : { ...chunk, usage: undefined }));
        expect(shown).toEqual(
          includeUsage ? [...plain, counted] : plain.map((chunk) => JSON.parse(JSON.stringify(chunk))),
        );
        expect(assemble(heard.chunks)["content"] ?? "").toBe(texts.join(""));
        for (const chunk of heard.chunks) expect(chunk).not.toMatch(/[\r\n]/);
        expect(heard).toMatchObject({
          usage: { inputTokens: 5, outputTokens: 2 },
          completed: ["stop"],
          failures: [],
          model: head.model,
        });
      }),
    );
  });

  it("relays an ordinary chunk byte for byte, numbers and order of keys included", () => {
    const odd =
      '{"z":1.0,"choices":[{"index":0,"delta":{"content":"\\u00e9"},"finish_reason":null}],"big":12345678901234567890}';
    expect(decode([delta("a"), odd]).chunks[1]).toBe(odd);
  });

  it("never parses an ordinary chunk: one that is broken inside is not looked into", () => {
    const heard = decode([delta("a"), '{"choices": [oops]}']);
    expect(heard.chunks[1]).toBe('{"choices": [oops]}');
  });

  it.each([
    ['{"a":1,"usage":null}', '{"a":1}'],
    ['{"usage":null,"a":1}', '{"a":1}'],
    ['{"usage":null}', "{}"],
    ['{"a":1, "usage": null, "b":2}', '{"a":1, "b":2}'],
    ['{"a":"\\"usage\\":null,"}', '{"a":"\\"usage\\":null,"}'],
    ['{"a":"usage"}', '{"a":"usage"}'],
    ['{"a":[",","usage"],"usage":null}', '{"a":[",","usage"]}'],
  ])("takes null usage out of %s", (sent, shown) => {
    expect(decode([delta("x"), sent]).chunks[1]).toBe(shown);
    expect(decode([delta("x"), sent], { includeUsage: true }).chunks[1]).toBe(sent);
  });

  it("takes usage out of a chunk that also has a choice, and still counts it", () => {
    const heard = decode([delta("a", { usage: { prompt_tokens: 5, completion_tokens: 1 } }), end({ usage })]);
    expect(heard.chunks.map((chunk) => JSON.parse(chunk))).toEqual([delta("a"), end()]);
    expect(heard.usage).toEqual({ inputTokens: 5, outputTokens: 2 });
    expect(JSON.parse(decode([end({ usage })], { includeUsage: true }).chunks[0] ?? "")).toEqual(
      end({ usage }),
    );
  });

  it("counts usage that comes after the finish reason (Kong 3.10.0.7 counted zero)", () => {
    expect(decode([delta("a"), end(), { ...head, choices: [], usage }])).toMatchObject({
      completed: ["stop"],
      usage: { inputTokens: 5, outputTokens: 2 },
    });
  });

  it("names the service tier, also where the counts come without it", () => {
    const counted = { ...head, choices: [], usage };
    const tierOf = (...events: object[]) => decode(events).usage?.serviceTier;
    expect(tierOf(delta("a", { service_tier: "flex" }), end(), counted)).toBe("flex");
    expect(
      tierOf(delta("a", { service_tier: "auto" }), end(), { ...counted, service_tier: "priority" }),
    ).toBe("priority");
    expect(tierOf(delta("a", { service_tier: null }), end(), counted)).toBeUndefined();
  });

  it.each([null, {}, { prompt_tokens: null }, { prompt_tokens: "x" }])("survives usage %j", (odd) => {
    expect(decode([end({ usage: odd })])).toMatchObject({
      usage: undefined,
      failures: [],
      completed: ["stop"],
    });
  });

  it.each([null, [], [null], "x"])("survives choices %j (Kong 3.14.0.0 crashed)", (choices) => {
    expect(decode([{ ...head, choices }, delta("a"), end(), "[DONE]"])).toMatchObject({
      failures: [],
      completed: ["stop"],
    });
  });

  it("finds the model behind a first chunk that only reports on filters (Kong 3.14.0.3 lost it)", () => {
    const filters = { id: "", object: "", created: 0, model: "", choices: [], prompt_filter_results: [] };
    expect(decode([filters, delta("a")]).model).toBe(head.model);
    expect(decode([{ choices: [{ delta: {} }] }, delta("a")]).model).toBeUndefined();
  });

  it("is complete with a finish reason, though the server sends no [DONE]", () => {
    expect(decode([delta("a"), end()]).completed).toEqual(["stop"]);
  });

  it("is complete with [DONE], though the server names no reason, and is not read any further", () => {
    expect(decode([delta("a"), "[DONE]", delta("b")])).toMatchObject({
      completed: [undefined],
      chunks: { length: 1 },
    });
  });

  it("is not complete when it just ends", () => {
    expect(decode([delta("a")]).completed).toEqual([]);
  });

  it("of several choices is complete when the last of them has ended", () => {
    const two = [delta("a"), end({}, 1), end({}, 1)];
    expect(decode(two, { choices: 2 }).completed).toEqual([]);
    expect(decode([...two, end({}, 0)], { choices: 2 }).completed).toEqual(["stop"]);
  });

  it.each([
    [{ error: { message: "The server is overloaded", type: "server_error" } }, "The server is overloaded"],
    [{ error: "out of memory" }, "out of memory"],
    [{ error: { type: "server_error" } }, "server_error"],
    [{ error: 500 }, "the upstream reported an error and gave no reason"],
    [{ id: "x", error: { message: "late" } }, "late"],
  ])("fails with the vendor's reason for %j", (error, message) => {
    const heard = decode([delta("a"), error, delta("b"), "[DONE]"]);
    expect(heard).toMatchObject({ failures: [message], completed: [], chunks: { length: 1 } });
  });

  it("fails for an event named error, whatever its data looks like", () => {
    const decoder = createChunkDecoder({ includeUsage: false, model: "m", createdSeconds: 1 });
    expect(listen(decoder, [{ event: "error", data: '{"message":"rate limit"}' }]).failures).toEqual([
      "rate limit",
    ]);
  });

  it("takes an error of null for none", () => {
    expect(decode([delta("a", { error: null }), delta("b", { error: null })])).toMatchObject({
      failures: [],
      chunks: { length: 2 },
    });
  });

  it.each([
    "hello",
    "<html>",
    '{"id":"c1","choices":[{"delta":{"content":"ab',
    "[1]",
    '"x"',
    '{"usage":{,}}',
    '{"finish_reason":"stop"',
  ])("fails where an event is not a JSON object: %s", (data) => {
    const heard = decode([delta("a"), data]);
    expect(heard.failures).toEqual([
      expect.stringMatching(/^empty or unsupported transformer response: .*not valid JSON$/),
    ]);
    expect(heard.chunks).toHaveLength(1);
  });

  it("passes over events without data", () => {
    expect(decode(["", " ", delta("a")])).toMatchObject({ failures: [], chunks: { length: 1 } });
  });
});
