import { describe, expect, it } from "vitest";
import { type ChatFacts, readReply, startChat } from "../../test/support/chat.ts";
import { createFakeClock, settled } from "../../test/support/fake-clock.ts";
import { completion, completionEvents, eventStream } from "../../test/support/fake-upstream.ts";
import { rejectionOf } from "../../test/support/gateway-errors.ts";
import { createProxyTarget } from "../../test/support/proxy-targets.ts";
import { LightCancellation } from "../http/cancellation.ts";
import { UpstreamError } from "../http/upstream-error.ts";
import { createDeadline, TotalTimeout } from "./total-timeout.ts";

const targets = [createProxyTarget(0), createProxyTarget(1), createProxyTarget(2)];
const criteria = ["error", "timeout", "invalid_header", "http_500", "non_idempotent"] as const;
const stream = { messages: [{ role: "user", content: "hi" }], stream: true };

function start(facts: Omit<ChatFacts, "clock">) {
  const clock = createFakeClock();
  const chat = startChat(targets, { criteria, totalTimeoutMs: 1000, ...facts, clock });
  chat.reply.catch(() => undefined); // looked at later
  return { ...chat, clock };
}

describe("total_timeout", () => {
  it("before a head is a 504; the call is cancelled, no other target tried, the target blamed for a timeout", async () => {
    const chat = start({ answers: [{ hangs: true }, { body: completion("never") }] });
    await chat.clock.advance(999);
    expect(chat.observed).toEqual([]);
    await chat.clock.advance(1);
    const error = await rejectionOf(chat.reply);
    expect(error).toMatchObject({ status: 504, code: "upstream_timeout" });
    expect(error.cause).toBeInstanceOf(TotalTimeout);
    expect(chat.upstream.calls).toHaveLength(1);
    expect(chat.observed).toEqual([{ target: "openai/m0", ok: false, failure: "timeout", latencyMs: 1000 }]);
    expect(chat.exchange.ai?.tried).toMatchObject([
      { failure: "total_timeout", failure_kind: "timeout", latency_ms: 1000 },
    ]);
    expect(chat.clock.timers).toBe(0);
  });

  it("bounds all attempts together", async () => {
    const chat = start({ answers: [{ status: 500 }, { hangs: true }] });
    await chat.clock.advance(1000);
    expect(await rejectionOf(chat.reply)).toMatchObject({ status: 504 });
    expect(chat.observed).toMatchObject([{ failure: "http_500" }, { failure: "timeout" }]);
  });

  it("in the middle of a whole answer is a 504", async () => {
    const chat = start({ answers: [{}] });
    await settled();
    chat.upstream.bodies[0]?.write('{"choices":');
    await chat.clock.advance(1000);
    expect(await rejectionOf(chat.reply)).toMatchObject({ status: 504, code: "upstream_timeout" });
    expect(chat.observed).toMatchObject([{ ok: false, failure: "timeout" }]);
    expect(chat.upstream.calls).toHaveLength(1);
  });

  it("in a stream that is held back is a 504, as nothing of it has been sent", async () => {
    const chat = start({ answers: [{ headers: eventStream }], body: stream, streamHoldMs: 5000 });
    await settled();
    chat.upstream.bodies[0]?.write(completionEvents("Hel")[0] ?? "");
    await chat.clock.advance(1000);
    expect(await rejectionOf(chat.reply)).toMatchObject({ status: 504, code: "upstream_timeout" });
    expect(chat.observed).toMatchObject([{ ok: false, failure: "timeout", usage: { estimated: true } }]);
    expect(chat.exchange.ai?.tried).toMatchObject([{ status: 200, failure: "total_timeout" }]);
    expect(chat.clock.timers).toBe(0);
  });

  it("in a stream that has begun is an error event", async () => {
    const chat = start({ answers: [{ headers: eventStream }], body: stream, streamHoldMs: 0 });
    await settled();
    const [upstream] = chat.upstream.bodies;
    upstream?.write(completionEvents("Hel")[0] ?? "");
    const { sink } = readReply(await chat.reply);
    await chat.clock.advance(1000);
    expect(sink.text).toContain('"code":"upstream_timeout"');
    expect(sink.text).not.toContain("[DONE]");
    expect(sink.ends).toBe(1);
    expect(chat.observed).toMatchObject([{ ok: false, failure: "timeout", usage: { estimated: true } }]);
    expect(chat.exchange.ai?.tried).toMatchObject([{ status: 200, failure: "total_timeout" }]);
    expect(chat.clock.timers).toBe(0);
  });

  it("does not spoil an answer that is complete", async () => {
    const chat = start({ answers: [{ headers: eventStream }], body: stream });
    const { sink } = readReply(await chat.reply);
    chat.upstream.bodies[0]?.write(completionEvents("Hello").slice(0, 3).join(""));
    await chat.clock.advance(1000);
    expect(sink.text.endsWith("data: [DONE]\n\n")).toBe(true);
    expect(chat.observed).toMatchObject([{ ok: true }]);
  });

  it("leaves no timer behind, however the exchange ends", async () => {
    const good = start({ answers: [{ body: completion("hi") }] });
    await good.reply;
    expect(good.clock.timers).toBe(0);

    const refused = start({ answers: [new UpstreamError("error", true, new Error("x"))], retries: 0 });
    await rejectionOf(refused.reply);
    expect(refused.clock.timers).toBe(0);

    const told = start({ answers: [{ status: 400, body: { error: { message: "no" } } }] });
    readReply(await told.reply);
    expect(told.clock.timers).toBe(0);

    const streamed = start({ answers: [{ headers: eventStream }], body: stream });
    const { flow } = readReply(await streamed.reply);
    expect(streamed.clock.timers).toBe(1);
    flow.cancel(new Error("the client is gone"));
    expect(streamed.clock.timers).toBe(0);
    await settled();
    expect(streamed.observed).toMatchObject([{ aborted: true }]);
  });

  it("cuts an error answer whose body does not end", async () => {
    const chat = start({ answers: [{ status: 400 }] });
    const { sink } = readReply(await chat.reply);
    await chat.clock.advance(1000);
    expect(sink.failure).toBeDefined();
    expect(chat.clock.timers).toBe(0);
  });

  it("makes no timer where it is 0", async () => {
    const chat = start({ answers: [{ hangs: true }], totalTimeoutMs: 0 });
    await settled();
    expect(chat.clock.timers).toBe(0);
  });
});

describe("createDeadline", () => {
  it("passes the client's leaving on, with its reason, and frees its timer", () => {
    const clock = createFakeClock();
    const client = new LightCancellation();
    const deadline = createDeadline(client, 1000, clock.schedule);
    deadline.start();
    const reason = new Error("gone");
    client.cancel(reason);
    expect(deadline.cancellation.reason).toBe(reason);
    expect(clock.timers).toBe(0);
  });

  it("knows of a client that had left before", () => {
    const client = new LightCancellation();
    client.cancel(new Error("gone"));
    const deadline = createDeadline(client, 1000, createFakeClock().schedule);
    deadline.start();
    expect(deadline.cancellation.aborted).toBe(true);
  });
});
