import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { jsonOf, readReply, startChat } from "../../test/support/chat.ts";
import { completion, completionEvents, eventStream } from "../../test/support/fake-upstream.ts";
import { rejectionOf } from "../../test/support/gateway-errors.ts";
import { later } from "../../test/support/later.ts";
import { createProxyTarget } from "../../test/support/proxy-targets.ts";
import { priceRow } from "../accounting/price-row.ts";
import { createTargetPrices } from "../accounting/target-price.ts";
import { type FailureKind, UpstreamError } from "../http/upstream-error.ts";
import { modelOptions } from "../providers/model-options.ts";

const targets = [createProxyTarget(0), createProxyTarget(1), createProxyTarget(2)];
const [first = createProxyTarget(0)] = targets;
const resend = ["error", "timeout", "http_429", "http_500", "http_503", "non_idempotent"] as const;
const refused = (kind: FailureKind = "error", sent = false) =>
  new UpstreamError(kind, sent, new Error("ECONNREFUSED"));
const failure = (status: number, message = "x") => ({ status, body: { error: { message, odd: [1] } } });

describe("a chat request that is answered", () => {
  it("relays the vendor's own bytes, with the model's name in a header", async () => {
    const body =
      '{"id":"1", "choices" : [{"index":0,"message":{"role":"assistant","content":"hé"}}],"odd":1e2}';
    const { reply } = startChat([first], {
      answers: [
        { body, headers: { "content-type": "application/json", "x-request-id": "v1", "set-cookie": "a=b" } },
      ],
    });
    const answer = await reply;
    expect(answer.status).toBe(200);
    expect(readReply(answer).sink.text).toBe(body);
    expect(answer.headers).toEqual({
      "content-type": "application/json; charset=utf-8",
      "x-kong-llm-model": "openai/m0",
      "x-request-id": "v1",
      "x-sluice-routing": "reason=balanced",
    });
  });

  it("is sent with the target's model, options and key, and nothing of the client's credentials", async () => {
    const target = createProxyTarget(0, {
      options: { max_tokens: 50, temperature: 0.3, upstream_url: "http://llm.local:9/chat?v=1" },
    });
    const { reply, upstream } = startChat([target], {
      answers: [{ body: completion("hi") }],
      body: { model: "m0", messages: [{ role: "user", content: "hello" }], max_tokens: 9999, seed: 1 },
      headers: { authorization: "Bearer client", cookie: "c=1", "x-api-key": "client" },
    });
    await reply;
    const [call] = upstream.calls;
    expect(call).toMatchObject({
      origin: "http://llm.local:9",
      path: "/chat?v=1",
      method: "POST",
      connectTimeoutMs: 1000,
      writeTimeoutMs: 2000,
      readTimeoutMs: 2000,
    });
    expect(call?.headers).toEqual({
      "accept-encoding": "identity",
      authorization: "Bearer key-0",
      "content-type": "application/json",
    });
    expect(upstream.sent).toEqual([
      {
        model: "m0",
        messages: [{ role: "user", content: "hello" }],
        max_tokens: 50,
        temperature: 0.3,
        seed: 1,
        stream: false,
      },
    ]);
  });

  it("passes the client's Authorization on where the target has no key", async () => {
    const { reply, upstream } = startChat([createProxyTarget(0, { credentials: { allowOverride: false } })], {
      answers: [{ body: completion("hi") }],
      headers: { authorization: "Bearer client" },
    });
    await reply;
    expect(upstream.calls[0]?.headers["authorization"]).toBe("Bearer client");
  });

  it("is booked with tokens, cost, model and time, and the balancer learns of it", async () => {
    let time = 0;
    const target = createProxyTarget(0, { options: { input_cost: 2, output_cost: 4 } });
    const chat = startChat([target], { answers: [{ body: completion("hi") }], now: () => (time += 10) });
    await chat.reply;
    expect(chat.exchange.ai).toMatchObject({
      pluginId: "plugin-1",
      mode: "oneshot",
      provider: "openai",
      requestModel: "m0",
      responseModel: "m-2024",
      finishReason: "stop",
      usage: { inputTokens: 10, outputTokens: 5 },
      costUsd: (10 * 2 + 5 * 4) / 1e6,
      priceSource: "config",
      decision: { reason: "balanced" },
    });
    expect(chat.exchange.ai?.llmLatencyMs).toBeGreaterThan(0);
    expect(chat.exchange.ai?.tried).toMatchObject([
      {
        provider: "openai",
        model: "m0",
        host: "api.openai.com",
        port: 443,
        upstream_scheme: "https",
        upstream_uri: "/v1/chat/completions",
        status: 200,
      },
    ]);
    expect(chat.exchange.attempts).toMatchObject([{ status: 200, target: "openai/m0" }]);
    expect(chat.observed).toMatchObject([{ target: "openai/m0", ok: true, costUsd: 0.00004 }]);
  });

  it("is booked at the price table's price where the target has none of its own", async () => {
    const row = priceRow.parse({
      model: "m0",
      input: 3,
      output: 6,
      source: "https://vendor.example/prices",
      date: "2026-01-02",
      from: ["x"],
    });
    const prices = createTargetPrices("openai", modelOptions.parse({}), { find: () => row });
    const chat = startChat([createProxyTarget(0, { prices })], { answers: [{ body: completion("hi") }] });
    await chat.reply;
    expect(chat.exchange.ai).toMatchObject({ costUsd: (10 * 3 + 5 * 6) / 1e6, priceSource: "table" });
    expect(chat.observed).toMatchObject([{ costUsd: 0.00006 }]);
  });

  it("does not wait until tokens that the vendor did not count are estimated", async () => {
    const count = later<number>();
    const body = completion("one two", { usage: undefined });
    const target = createProxyTarget(0, { options: { input_cost: 1, output_cost: 2 } });
    const chat = startChat([target], { answers: [{ body }], countTokens: () => count.promise });
    expect((await chat.reply).status).toBe(200);
    expect(chat.exchange.ai).not.toHaveProperty("usage");
    count.resolve(3);
    await chat.exchange.ai?.counting;
    const usage = { inputTokens: 3 + 4 + 3, outputTokens: 3, estimated: true };
    expect(chat.exchange.ai).toMatchObject({ usage, costUsd: (10 * 1 + 3 * 2) / 1e6 });
    expect(chat.observed).toMatchObject([{ ok: true, usage, costUsd: 0.000016 }]);
  });

  it("has an unknown cost where a price is unknown", async () => {
    const chat = startChat([createProxyTarget(0, { options: { input_cost: 2 } })], {
      answers: [{ body: completion("hi") }],
    });
    await chat.reply;
    expect(chat.exchange.ai).not.toHaveProperty("costUsd");
    expect(chat.observed[0]).not.toHaveProperty("costUsd");
  });

  it("may come compressed, and is compressed for a client that takes it", async () => {
    const answer = completion("word ".repeat(200));
    const { reply } = startChat([first], {
      answers: [{ body: gzipSync(JSON.stringify(answer)), headers: { "content-encoding": "gzip" } }],
      headers: { "accept-encoding": "gzip, br" },
    });
    const { headers, body } = await reply;
    expect(headers["content-encoding"]).toBe("gzip");
    expect(JSON.parse(gunzipSync(body as Uint8Array).toString("utf8"))).toEqual(answer);
  });

  it("names a model in the header only as far as headers allow", async () => {
    const chat = startChat([createProxyTarget(0, { modelName: undefined })], {
      answers: [{ body: completion("hi") }],
      body: { model: "модель\r\nx-evil: 1", messages: [{ role: "user", content: "x" }] },
    });
    expect((await chat.reply).headers["x-kong-llm-model"]).toBe("openai/????????x-evil: 1");
    expect(chat.upstream.sent[0]?.["model"]).toBe("модель\r\nx-evil: 1");
  });

  it("leaves the model's header out where the config says so", async () => {
    const { reply } = startChat([first], { answers: [{ body: completion("hi") }], modelNameHeader: false });
    expect((await reply).headers).not.toHaveProperty("x-kong-llm-model");
  });
});

describe("a request that names a model", () => {
  it("never sends `auto` or an alias to a vendor", async () => {
    for (const model of ["auto", "cheap"]) {
      const chat = startChat([createProxyTarget(0, { alias: "cheap" })], {
        answers: [{ body: completion("hi") }],
        body: { model, messages: [{ role: "user", content: "x" }] },
      });
      await chat.reply;
      expect(chat.upstream.sent[0]?.["model"]).toBe("m0");
      const nameless = startChat([createProxyTarget(0, { alias: "cheap", modelName: undefined })], {
        answers: [],
        body: { model, messages: [{ role: "user", content: "x" }] },
      });
      expect(await rejectionOf(nameless.reply)).toMatchObject({ status: 400, code: "no_model" });
    }
  });

  it("keeps to the targets of that name, in failover too", async () => {
    const chat = startChat([...targets, createProxyTarget(3, { modelName: "m1" })], {
      answers: [failure(500), failure(500)],
      criteria: resend,
      body: { model: "m1", messages: [{ role: "user", content: "x" }] },
    });
    expect((await chat.reply).status).toBe(500);
    expect(chat.upstream.sent.map((body) => body["model"])).toEqual(["m1", "m1"]);
  });

  it("is refused before anything is sent where no target has it", async () => {
    const chat = startChat(targets, {
      answers: [],
      body: { model: "gpt-9", messages: [{ role: "user", content: "x" }] },
    });
    expect((await rejectionOf(chat.reply)).message).toBe("cannot use own model - must be: m0, m1, m2");
    expect(chat.upstream.calls).toEqual([]);
  });
});

describe("an answer that cannot be used", () => {
  it("is a 500 that says why, in Kong's words, and counts against the target", async () => {
    const chat = startChat(targets, { answers: [{ body: { hello: 1 } }], criteria: resend });
    const error = await rejectionOf(chat.reply);
    expect(error.status).toBe(500);
    expect(error.message).toBe(
      "transformation failed from type openai://llm/v1/chat: 'choices' not in llm/v1/chat response",
    );
    expect(chat.observed).toMatchObject([{ ok: false }]);
    expect(chat.exchange.attempts[0]?.failure).toBe("unusable_answer");
  });

  it("is a 500 where it is no JSON, without quoting it", async () => {
    const error = await rejectionOf(startChat([first], { answers: [{ body: "<html>private" }] }).reply);
    expect(error).toMatchObject({ status: 500, code: "upstream_unusable" });
    expect(error.message).not.toContain("private");
  });

  it("is a 502 or 504 where it breaks off", async () => {
    for (const [kind, status] of [
      ["error", 502],
      ["timeout", 504],
    ] as const) {
      const chat = startChat([first], { answers: [{ body: '{"choices":', failure: refused(kind, true) }] });
      expect(await rejectionOf(chat.reply)).toMatchObject({ status });
      expect(chat.observed).toMatchObject([{ ok: false }]);
    }
  });
});

describe("a request for a stream", () => {
  const body = { messages: [{ role: "user", content: "hi" }], stream: true };

  it("asks the upstream for one, and for its tokens", async () => {
    const chat = startChat([first], { answers: [{ headers: eventStream }], body });
    const reply = await chat.reply;
    expect(chat.upstream.sent[0]).toMatchObject({ stream: true, stream_options: { include_usage: true } });
    expect(reply.headers).toMatchObject({
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache",
      "x-kong-llm-model": "openai/m0",
    });
    expect(chat.exchange.ai?.mode).toBe("stream");
  });

  it("is refused where streams are not allowed, in Kong's words", async () => {
    const error = await rejectionOf(
      startChat([first], { answers: [], body, responseStreaming: "deny" }).reply,
    );
    expect(error).toMatchObject({ status: 400, message: "response streaming is not enabled for this LLM" });
  });

  it("is made of every request where the config says so", async () => {
    const chat = startChat([first], { answers: [{ headers: eventStream }], responseStreaming: "always" });
    const { sink } = readReply(await chat.reply);
    chat.upstream.bodies[0]?.write(completionEvents("hi").join(""));
    chat.upstream.bodies[0]?.end();
    expect(chat.upstream.sent[0]).toMatchObject({ stream: true });
    expect(sink.text).toContain("[DONE]");
  });

  it("is answered with events where the upstream answered whole", async () => {
    const chat = startChat([first], { answers: [{ body: completion("hi") }], body });
    const reply = await chat.reply;
    const { sink } = readReply(reply);
    expect(reply.headers["content-type"]).toBe("text/event-stream; charset=utf-8");
    expect(sink.text).toContain('"delta":{"role":"assistant","content":"hi"}');
    expect(sink.text).toMatch(/data: \[DONE\]\n\n$/);
    expect(chat.observed).toMatchObject([{ ok: true }]);
  });

  it("gets an upstream's error whole, in the upstream's own type", async () => {
    const chat = startChat([first], { answers: [failure(429, "slow down")], body });
    const reply = await chat.reply;
    expect(reply).toMatchObject({ status: 429, headers: { "content-type": "application/json" } });
    expect(jsonOf(reply).error.message).toBe("slow down");
  });

  it("fails over only before the first byte: an answer that has begun is the answer", async () => {
    const chat = startChat(targets, {
      answers: [{ headers: eventStream }, { body: completion("never") }],
      criteria: resend,
      body,
    });
    const { sink } = readReply(await chat.reply);
    chat.upstream.bodies[0]?.fail(refused("error", true));
    expect(sink.text).toContain('"code":"stream_cut"');
    expect(chat.upstream.calls).toHaveLength(1);
  });
});

describe("the client's side of a request", () => {
  it("is read no further than the limit", async () => {
    const chat = startChat([first], { answers: [], maxRequestBodySize: 10 });
    expect(await rejectionOf(chat.reply)).toMatchObject({
      status: 413,
      message: "request body too large: the limit of this route is 10 bytes (max_request_body_size)",
    });
  });

  it("rejects with the client's reason when it leaves, and blames no target", async () => {
    const leaving = new AbortController();
    leaving.abort(new Error("the client is gone"));
    const chat = startChat(targets, { answers: [], signal: leaving.signal, criteria: resend });
    await expect(chat.reply).rejects.toThrow("the client is gone");
    expect(chat.observed).toEqual([{ target: "openai/m0", ok: false, aborted: true, latencyMs: 0 }]);
    expect(chat.upstream.calls).toEqual([]);
  });
});
