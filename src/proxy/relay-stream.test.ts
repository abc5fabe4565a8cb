import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { readReply, startChat } from "../../test/support/chat.ts";
import { settled } from "../../test/support/fake-clock.ts";
import { completionEvents, eventStream } from "../../test/support/fake-upstream.ts";
import { createProxyTarget } from "../../test/support/proxy-targets.ts";
import { UpstreamError } from "../http/upstream-error.ts";
import { anthropic } from "../providers/anthropic/provider.ts";

const asked = { messages: [{ role: "user", content: "one two three" }], stream: true };
/** In the tests' tokens, which are words: three, four for the message, three for the reply. */
const askedTokens = 3 + 4 + 3;
const withUsage = { ...asked, stream_options: { include_usage: true } };

interface Facts {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly logPayloads?: boolean;
  readonly now?: () => number;
}

/** A stream whose head has come: `body` is the upstream's side, `sink` the client's. */
async function open(facts: Facts = {}) {
  const target = createProxyTarget(0, {
    options: { input_cost: 1, output_cost: 2 },
    logPayloads: facts.logPayloads ?? false,
  });
  const chat = startChat([target], {
    answers: [{ headers: { ...eventStream, ...facts.headers } }],
    body: facts.body ?? asked,
    ...(facts.now && { now: facts.now }),
  });
  const reply = await chat.reply;
  const { sink, flow } = readReply(reply);
  const [body] = chat.upstream.bodies;
  if (body === undefined) throw new Error("no call was made");
  return { ...chat, reply, sink, flow, body, facts: () => chat.exchange.ai };
}

const eventsOf = (text: string) => text.split("\n\n").filter((event) => event !== "");
const isError = (event: string) => event.startsWith('data: {"error":');
const hangUp = () => new UpstreamError("error", true, new Error("other side closed"));

describe("a stream that is whole", () => {
  it("reaches the client chunk for chunk, and ends in [DONE]", async () => {
    const { body, sink, reply } = await open();
    const events = completionEvents("Hel", "lo");
    for (const event of events) body.write(event);
    body.end();
    expect(reply.headers["content-type"]).toBe("text/event-stream; charset=utf-8");
    expect(sink.text).toBe([...events.slice(0, -2), "data: [DONE]\n\n"].join("")); // usage was not asked for
    expect(sink.ends).toBe(1);
  });

  it("shows the tokens to a client that asked for them", async () => {
    const { body, sink } = await open({ body: withUsage });
    const events = completionEvents("Hello");
    body.write(events.join(""));
    body.end();
    expect(sink.text).toBe(events.join(""));
  });

  it("is booked with the vendor's tokens, their cost and the times", async () => {
    let time = 100;
    const { body, observed, facts } = await open({ now: () => time });
    const [first = "", ...rest] = completionEvents("Hello");
    time = 130;
    body.write(first);
    time = 175;
    body.write(rest.join(""));
    body.end();
    expect(facts()).toMatchObject({
      usage: { inputTokens: 10, outputTokens: 5 },
      costUsd: (10 * 1 + 5 * 2) / 1e6,
      responseModel: "m-2024",
      finishReason: "stop",
      timeToFirstTokenMs: 30,
      llmLatencyMs: 75,
    });
    expect(facts()?.usage).not.toHaveProperty("estimated");
    expect(facts()).not.toHaveProperty("streamError");
    expect(observed).toEqual([
      {
        target: "openai/m0",
        ok: true,
        latencyMs: 75,
        usage: { inputTokens: 10, outputTokens: 5 },
        costUsd: 0.00002,
      },
    ]);
  });

  it("is the same however the upstream's bytes are cut", async () => {
    const text = completionEvents("Grüße", "🙂").join("");
    const bytes = Buffer.from(text);
    for (let size = 1; size < 40; size++) {
      const { body, sink } = await open({ body: withUsage });
      for (let at = 0; at < bytes.length; at += size) body.write(bytes.subarray(at, at + size));
      body.end();
      expect(sink.text).toBe(text);
    }
  });

  it("is written once for each read of the upstream, not once for each event", async () => {
    const { body, sink } = await open();
    body.write(completionEvents("a", "b", "c").join(""));
    expect(sink.chunks).toHaveLength(1);
  });

  it("may come compressed", async () => {
    const text = completionEvents("Hello").join("");
    const { body, sink, reply } = await open({ body: withUsage, headers: { "content-encoding": "gzip" } });
    body.write(gzipSync(text));
    body.end();
    await sink.over;
    expect(sink.text).toBe(text);
    expect(reply.headers).not.toHaveProperty("content-encoding");
  });

  it("is estimated where the vendor counts nothing, and flagged so", async () => {
    const { body, facts } = await open();
    body.write(
      completionEvents("two ", "words")
        .filter((event) => !event.includes("usage"))
        .join(""),
    );
    body.end();
    await settled();
    expect(facts()?.usage).toEqual({ inputTokens: askedTokens, outputTokens: 2, estimated: true });
    expect(facts()?.costUsd).toBe((askedTokens * 1 + 2 * 2) / 1e6);
  });

  it("is recorded as one answer, only where payloads are logged", async () => {
    const text = completionEvents("secret answer").join("");
    const quiet = await open();
    quiet.body.write(text);
    quiet.body.end();
    expect(JSON.stringify(quiet.facts())).not.toContain("secret answer");
    const loud = await open({ logPayloads: true });
    loud.body.write(text);
    loud.body.end();
    expect(JSON.parse(loud.facts()?.payload?.response ?? "")).toMatchObject({
      object: "chat.completion",
      choices: [{ index: 0, message: { content: "secret answer" }, finish_reason: "stop" }],
    });
    expect(loud.facts()?.payload?.request).toContain("one two three");
  });
});

describe("a stream that is cut", () => {
  const events = completionEvents("Hel", "lo");
  const text = events.join("");
  const completeAt = Buffer.byteLength(events.slice(0, 4).join("")); // with the event that has the finish_reason

  it.each(["ends", "breaks"])(
    "at any byte, and then %s, ends in one error event and never in [DONE]",
    async (how) => {
      const bytes = Buffer.from(text);
      // An orderly end may lack the blank line that closes the last event; a broken connection may not.
      const limit = how === "ends" ? completeAt - 2 : completeAt;
      for (let cut = 0; cut < limit; cut++) {
        const { body, sink, facts, observed, exchange } = await open();
        if (cut > 0) body.write(bytes.subarray(0, cut));
        if (how === "ends") body.end();
        else body.fail(hangUp());
        await settled();
        const got = eventsOf(sink.text);
        expect(got.filter(isError)).toHaveLength(1);
        expect(isError(got.at(-1) ?? "")).toBe(true);
        expect(sink.text).not.toContain("[DONE]");
        expect(sink.ends).toBe(1);
        expect(sink.failure).toBeUndefined();
        expect(facts()).toMatchObject({ streamError: "stream_cut", usage: { estimated: true } });
        expect(exchange.attempts.at(-1)?.failure).toBe("stream_cut");
        expect(observed).toMatchObject([{ ok: false }]);
      }
    },
  );

  it.each(["ends", "breaks"])(
    "after the vendor had said that it is complete, and then %s, ends well",
    async (how) => {
      const bytes = Buffer.from(text);
      for (let cut = how === "ends" ? completeAt - 2 : completeAt; cut <= bytes.length; cut++) {
        const { body, sink, observed } = await open();
        body.write(bytes.subarray(0, cut));
        if (how === "ends") body.end();
        else body.fail(hangUp());
        await settled();
        expect(sink.text).toMatch(/\n\ndata: \[DONE\]\n\n$/);
        expect(eventsOf(sink.text).filter(isError)).toEqual([]);
        expect(observed).toMatchObject([{ ok: true }]);
      }
    },
  );

  it("names a silence of the upstream for what it is", async () => {
    const { body, sink, facts } = await open();
    body.write(events[0] ?? "");
    body.fail(
      new UpstreamError("timeout", true, Object.assign(new Error("x"), { code: "UND_ERR_BODY_TIMEOUT" })),
    );
    const error = JSON.parse(eventsOf(sink.text).at(-1)?.slice(6) ?? "");
    expect(error.error).toMatchObject({ code: "upstream_timeout", request_id: "exchange-1" });
    expect(facts()?.streamError).toBe("upstream_timeout");
  });

  it("counts what was answered, even where the vendor has counted less so far", async () => {
    const { body, facts } = await open();
    const early = `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 40, completion_tokens: 1 } })}\n\n`;
    body.write(early + completionEvents("one two three").slice(0, 2).join(""));
    body.end();
    await settled();
    expect(facts()?.usage).toEqual({ inputTokens: 40, outputTokens: 3, estimated: true });
  });

  it("keeps the input that Anthropic counted at its start, and counts the output, which it only began", async () => {
    const target = createProxyTarget(0, {
      provider: anthropic,
      options: { anthropic_version: "2023-06-01", max_tokens: 20 },
    });
    const { exchange, reply, upstream } = startChat([target], {
      answers: [{ headers: eventStream }],
      body: asked,
    });
    readReply(await reply);
    const usage = { input_tokens: 40, cache_read_input_tokens: 60, output_tokens: 1 };
    const events = [
      { type: "message_start", message: { id: "m", model: "c", content: [], usage } },
      { type: "content_block_start", index: 0, content_block: { type: "thinking", thinking: "" } },
      { type: "content_block_delta", index: 0, delta: { type: "thinking_delta", thinking: "let me see" } },
      { type: "content_block_stop", index: 0 },
      {
        type: "content_block_start",
        index: 1,
        content_block: { type: "tool_use", id: "t", name: " look ", input: {} },
      },
      { type: "content_block_delta", index: 1, delta: { type: "input_json_delta", partial_json: '{"at": ' } },
    ];
    upstream.bodies[0]?.write(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(""));
    upstream.bodies[0]?.fail(hangUp());
    await settled();
    expect(exchange.ai?.usage).toEqual({
      inputTokens: 100,
      cachedInputTokens: 60,
      outputTokens: 5,
      estimated: true,
    });
  });

  it("is cut as well where only one of several choices has ended", async () => {
    const { body, sink } = await open({ body: { ...asked, n: 2 } });
    body.write(events.slice(0, 4).join(""));
    body.fail(hangUp());
    expect(sink.text).not.toContain("[DONE]");
    expect(eventsOf(sink.text).filter(isError)).toHaveLength(1);
  });

  it("is cut as well where it is compressed, at any byte", async () => {
    const bytes = gzipSync(text);
    for (let cut = 0; cut < bytes.length - 8; cut += 7) {
      const { body, sink } = await open({ headers: { "content-encoding": "gzip" } });
      if (cut > 0) body.write(bytes.subarray(0, cut));
      body.end();
      await sink.over;
      const got = eventsOf(sink.text);
      const isWhole = got.some((event) => event.includes('"finish_reason":"stop"'));
      expect(got.filter(isError)).toHaveLength(isWhole ? 0 : 1);
      expect(sink.text.includes("[DONE]")).toBe(isWhole);
    }
  });
});

describe("a stream with an error in it", () => {
  it("passes the vendor's words on, ends there and lets go of the upstream", async () => {
    const { body, sink, facts, observed } = await open();
    body.write(completionEvents("Hel").slice(0, 2).join(""));
    body.write('data: {"error":{"message":"The server is overloaded","type":"server_error"}}\n\n');
    body.write(completionEvents("more").join(""));
    expect(sink.text).toContain("The server is overloaded");
    expect(sink.text).not.toContain("more");
    expect(sink.text).not.toContain("[DONE]");
    expect(sink.ends).toBe(1);
    expect(body.aborted).toBeDefined();
    await settled();
    expect(facts()?.streamError).toBe("upstream_stream_error");
    expect(observed).toMatchObject([{ ok: false }]);
  });

  it("ends in an error event where an event cannot be read or is too long", async () => {
    const junk = await open();
    junk.body.write("data: <html>\n\n");
    expect(eventsOf(junk.sink.text).filter(isError)).toHaveLength(1);
    expect(junk.body.aborted).toBeDefined();

    const long = await open();
    long.body.write(`data: ${"x".repeat(9 * 1024 * 1024)}`);
    expect(eventsOf(long.sink.text).filter(isError)).toHaveLength(1);
    expect(long.body.aborted).toBeDefined();
  });

  it("may have come before the client was ready to read", async () => {
    const chat = startChat([createProxyTarget(0)], { answers: [{ headers: eventStream }], body: asked });
    const reply = await chat.reply;
    const [body] = chat.upstream.bodies;
    body?.write('data: {"error":{"message":"no"}}\n\n');
    const { sink } = readReply(reply);
    expect(eventsOf(sink.text)).toHaveLength(1);
    expect(sink.ends).toBe(1);
    expect(body?.aborted).toBeDefined();
  });
});

describe("a slow or leaving client", () => {
  it("pauses the upstream, and lets it go on once there is room", async () => {
    const { body, sink, flow } = await open();
    sink.hasRoom = false;
    body.write(completionEvents("a").slice(0, 2).join(""));
    expect(body.isPaused).toBe(true);
    sink.hasRoom = true;
    flow.resume();
    expect(body.isPaused).toBe(false);
    body.write(completionEvents("a").slice(2).join(""));
    expect(body.isPaused).toBe(false);
  });

  it("does not pause for a read that had nothing for the client", async () => {
    const { body, sink } = await open();
    sink.hasRoom = false;
    body.write(": a comment\n\n");
    expect(body.isPaused).toBe(false);
  });

  it("stops the upstream when it leaves, and is booked with an estimate; the target is not blamed", async () => {
    const { body, sink, flow, facts, observed, exchange } = await open();
    body.write(completionEvents("two ", "words").slice(0, 3).join(""));
    flow.cancel(new Error("the client is gone"));
    await settled();
    expect(body.aborted?.message).toBe("the client is gone");
    expect(facts()).toMatchObject({
      streamError: "client_aborted",
      usage: { inputTokens: askedTokens, outputTokens: 2, estimated: true },
    });
    expect(facts()?.costUsd).toBeGreaterThan(0);
    expect(observed).toMatchObject([{ ok: false, aborted: true, usage: { estimated: true } }]);
    expect(observed[0]).not.toHaveProperty("failure");
    expect(exchange.attempts.at(-1)?.failure).toBeUndefined();
    const before = sink.text;
    body.write("data: {}\n\n");
    body.end();
    expect(sink.text).toBe(before);
    expect(sink.ends).toBe(0);
  });

  it("changes nothing by leaving after the end", async () => {
    const { body, flow, facts, observed } = await open();
    body.write(completionEvents("a").join(""));
    body.end();
    flow.cancel(new Error("late"));
    await settled();
    expect(facts()).not.toHaveProperty("streamError");
    expect(observed).toHaveLength(1);
  });
});
