import { describe, expect, it } from "vitest";
import { jsonOf, startChat } from "../../test/support/chat.ts";
import { completion } from "../../test/support/fake-upstream.ts";
import { rejectionOf } from "../../test/support/gateway-errors.ts";
import { createProxyTarget } from "../../test/support/proxy-targets.ts";
import { type FailureKind, UpstreamError } from "../http/upstream-error.ts";
import { anthropic } from "../providers/anthropic/provider.ts";

const targets = [createProxyTarget(0), createProxyTarget(1), createProxyTarget(2)];
const [first = createProxyTarget(0)] = targets;
const resend = ["error", "timeout", "http_429", "http_500", "http_503", "non_idempotent"] as const;
const refused = (kind: FailureKind = "error", sent = false) =>
  new UpstreamError(kind, sent, new Error("ECONNREFUSED"));
const failure = (status: number, message = "x") => ({ status, body: { error: { message, odd: [1] } } });

describe("failover", () => {
  it("goes to each target once and relays the last one's error as it came", async () => {
    const chat = startChat(targets, {
      answers: [failure(500, "a"), failure(503, "b"), failure(429, "c")],
      criteria: resend,
    });
    const reply = await chat.reply;
    expect(reply.status).toBe(429);
    expect(jsonOf(reply)).toEqual({ error: { message: "c", odd: [1] } });
    expect(reply.headers).toEqual({ "content-type": "application/json" });
    expect(chat.upstream.sent.map((body) => body["model"])).toEqual(["m0", "m1", "m2"]);
    expect(chat.observed.map(({ target, ok }) => [target, ok])).toEqual([
      ["openai/m0", false],
      ["openai/m1", false],
      ["openai/m2", false],
    ]);
    expect(
      chat.exchange.ai?.tried.map(({ model, status, failure: reason }) => [model, status, reason]),
    ).toEqual([
      ["m0", 500, "http_500"],
      ["m1", 503, "http_503"],
      ["m2", 429, "http_429"],
    ]);
    expect(chat.exchange.attempts).toHaveLength(3);
  });

  it("lets go of an error answer that is not used, and keeps the one that is", async () => {
    const chat = startChat(targets, {
      answers: [{ status: 500 }, { status: 500 }, { body: completion("hi") }],
      criteria: resend,
    });
    await chat.reply;
    expect(chat.upstream.bodies.map(({ aborted }) => aborted !== undefined)).toEqual([true, true, false]);
    const last = startChat([first], { answers: [{ status: 500 }], criteria: resend });
    await last.reply;
    expect(last.upstream.bodies[0]?.aborted).toBeUndefined();
  });

  it("makes no more attempts than one and the retries", async () => {
    for (const retries of [0, 1, 2]) {
      const chat = startChat(targets, {
        answers: [failure(500), failure(500), failure(500)],
        criteria: resend,
        retries,
      });
      await chat.reply;
      expect(chat.upstream.calls).toHaveLength(1 + retries);
    }
  });

  it("moves on from a connection that could not be made, though it is a POST", async () => {
    const chat = startChat(targets, { answers: [refused(), { body: completion("hi") }] });
    expect((await chat.reply).status).toBe(200);
    expect(chat.exchange.ai).toMatchObject({ requestModel: "m1" });
    expect((await chat.reply).headers["x-kong-llm-model"]).toBe("openai/m1");
    expect(chat.exchange.attempts).toMatchObject([{ failure: "error" }, { status: 200 }]);
    expect(chat.exchange.attempts[0]).not.toHaveProperty("headMs");
  });

  it("does not send a POST again that was sent, unless non_idempotent is listed", async () => {
    const sent = startChat(targets, { answers: [refused("error", true)] });
    expect(await rejectionOf(sent.reply)).toMatchObject({ status: 502, code: "upstream_unreachable" });
    const status = startChat(targets, { answers: [failure(500)], criteria: ["http_500"] });
    expect((await status.reply).status).toBe(500);
    const listed = startChat(targets, {
      answers: [refused("timeout", true), { body: completion("hi") }],
      criteria: resend,
    });
    expect((await listed.reply).status).toBe(200);
  });

  it("does not move on from what is not listed, nor from what the client did wrong", async () => {
    for (const status of [400, 401, 403, 404, 422, 502]) {
      const chat = startChat(targets, { answers: [failure(status, "vendor's words")], criteria: resend });
      const reply = await chat.reply;
      expect(reply.status).toBe(status);
      expect(jsonOf(reply).error.message).toBe("vendor's words");
    }
  });

  it("tells timeouts and broken connections apart when nobody answered", async () => {
    const timeouts = startChat([first], { answers: [refused("timeout")] });
    expect(await rejectionOf(timeouts.reply)).toMatchObject({ status: 504 });
    const mixed = startChat(targets.slice(0, 2), { answers: [refused("timeout"), refused("error")] });
    expect(await rejectionOf(mixed.reply)).toMatchObject({ status: 502 });
  });

  it("encodes the client's own request again for a vendor with another dialect, and back", async () => {
    const claude = createProxyTarget(1, {
      provider: anthropic,
      modelName: "claude",
      options: { anthropic_version: "2023-06-01", max_tokens: 20 },
      credentials: { headerName: "x-api-key", headerValue: "k", allowOverride: false },
    });
    const body = {
      messages: [
        { role: "system", content: "be brief" },
        { role: "user", content: "hi" },
      ],
      top_k: 4,
      temperature: 0.5,
      max_completion_tokens: 9,
    };
    const chat = startChat(
      [createProxyTarget(0, { options: { max_tokens: 5 } }), claude, createProxyTarget(2)],
      {
        answers: [failure(500), failure(500), { body: completion("hi") }],
        criteria: resend,
        body,
      },
    );
    await chat.reply;
    const [plain, vendors, again] = chat.upstream.sent;
    expect(plain).toMatchObject({ model: "m0", max_completion_tokens: 5 });
    expect(plain).not.toHaveProperty("top_k");
    expect(vendors).toMatchObject({ model: "claude", max_tokens: 9, top_k: 4 });
    expect(JSON.stringify(vendors?.["messages"])).not.toContain("be brief");
    expect(again).toEqual({ ...plain, model: "m2", max_completion_tokens: 9 });
    expect(chat.upstream.calls[1]?.headers).toMatchObject({
      "anthropic-version": "2023-06-01",
      "x-api-key": "k",
    });
    expect(chat.upstream.calls[1]?.headers).not.toHaveProperty("authorization");
    expect(chat.upstream.calls[2]?.headers).not.toHaveProperty("anthropic-version");
  });

  it("keeps one target's warnings and payloads out of what is told of the next", async () => {
    const body = { messages: [{ role: "user", content: "hi" }], top_k: 4 };
    const warner = createProxyTarget(0, { logPayloads: true });
    const other = createProxyTarget(1, {
      provider: { ...anthropic, name: "other" },
      options: { max_tokens: 9 },
    });
    const chat = startChat([warner, other], {
      answers: [failure(500), failure(400)],
      criteria: resend,
      body,
    });
    await chat.reply;
    expect(chat.exchange.ai).not.toHaveProperty("warnings");
    expect(chat.exchange.ai).not.toHaveProperty("payload");
    const alone = startChat([warner], { answers: [{ body: completion("hi") }], body });
    expect((await alone.reply).headers["x-sluice-warning"]).toEqual([expect.stringContaining("top_k")]);
    expect(alone.exchange.ai?.payload).toEqual({
      request: expect.stringContaining("hi"),
      response: expect.stringContaining("chatcmpl-1"),
    });
    expect(alone.exchange.ai?.payload?.request).not.toContain("key-0");
  });

  it("says 503 where there is no target to begin with", async () => {
    const chat = startChat([first], { answers: [], balancer: { pick: () => undefined } });
    expect(await rejectionOf(chat.reply)).toMatchObject({ status: 503, code: "no_healthy_target" });
  });

  it("says how near the nearest group was where none was near enough", async () => {
    const groups = [{ description: "python", targets: ["a"], distance: 0.81249, within: false }];
    const chat = startChat([first], {
      answers: [],
      balancer: {
        pick(_candidates, request) {
          request.decision = { reason: "no_match", threshold: 0.7, groups };
          return undefined;
        },
      },
    });
    const error = await rejectionOf(chat.reply);
    expect(error.status).toBe(503);
    expect(error.message).toBe(
      'no target matched the prompt within threshold 0.7 (the nearest was at 0.812, "python") and no CATCHALL target is configured',
    );
    expect(chat.exchange.ai?.decision?.reason).toBe("no_match");
  });
});
