import { describe, expect, it } from "vitest";
import { type ChatFacts, readReply, startChat } from "../../test/support/chat.ts";
import { createFakeClock, settled } from "../../test/support/fake-clock.ts";
import { completion, completionEvents, eventStream } from "../../test/support/fake-upstream.ts";
import { later } from "../../test/support/later.ts";
import { createProxyTarget } from "../../test/support/proxy-targets.ts";
import type { Reply } from "../http/reply.ts";
import { UpstreamError } from "../http/upstream-error.ts";
import type { FailoverCriterion } from "./failover.ts";

const targets = [createProxyTarget(0), createProxyTarget(1)];
const body = { messages: [{ role: "user", content: "one two three" }], stream: true };
const [role = "", ...rest] = completionEvents("Hel", "lo");
const [hel = ""] = rest;
const whole = [role, ...rest.slice(0, 3)].join("");
const everything = ["error", "timeout", "invalid_header", "non_idempotent"] as const;
const broken = (kind: "error" | "timeout" | "invalid_header" = "error") =>
  new UpstreamError(kind, true, new Error("gone"), true);

/** A request for a stream whose first head has come. */
async function open(facts: Partial<ChatFacts> = {}) {
  const clock = createFakeClock();
  const chat = startChat(targets, {
    answers: [{ headers: eventStream }, { headers: eventStream }],
    body,
    criteria: everything,
    streamHoldMs: 5000,
    clock,
    ...facts,
  });
  let reply: Reply | undefined;
  let error: unknown;
  chat.reply.then(
    (value) => {
      reply = value;
    },
    (thrown: unknown) => {
      error = thrown;
    },
  );
  await settled();
  const upstream = (index: number) => {
    const found = chat.upstream.bodies[index];
    if (found === undefined) throw new Error(`call ${index} was not made`);
    return found;
  };
  return {
    ...chat,
    clock,
    upstream,
    calls: () => chat.upstream.calls.length,
    get isCommitted() {
      return reply !== undefined;
    },
    get error() {
      return error;
    },
    read() {
      if (reply === undefined) throw new Error("there is no reply yet");
      return { reply, ...readReply(reply) };
    },
  };
}

describe("a stream that is held back", () => {
  it("is committed by its first content, with all that came before it, in order", async () => {
    const stream = await open();
    stream.upstream(0).write(`: warming up\n\n${role}`);
    await settled();
    expect(stream.isCommitted).toBe(false);
    stream.upstream(0).write(hel);
    await settled();
    expect(stream.isCommitted).toBe(true);
    expect(stream.clock.timers).toBe(0);
    const { sink } = stream.read();
    expect(sink.text).toBe(role + hel);
    stream.upstream(0).write(rest.slice(1).join(""));
    stream.upstream(0).end();
    expect(sink.text).toBe(`${whole}data: [DONE]\n\n`);
    expect(stream.observed).toMatchObject([{ target: "openai/m0", ok: true }]);
  });

  it("is committed when the time has passed, and goes on from there", async () => {
    const stream = await open();
    stream.upstream(0).write(role);
    await stream.clock.advance(4999);
    expect(stream.isCommitted).toBe(false);
    await stream.clock.advance(1);
    const { sink } = stream.read();
    expect(sink.text).toBe(role);
    stream.upstream(0).fail(broken());
    expect(sink.text).toContain('"code":"stream_cut"');
    expect(stream.calls()).toBe(1);
  });

  it("is committed when it is complete without content", async () => {
    const stream = await open();
    stream.upstream(0).write("data: [DONE]\n\n");
    stream.upstream(0).end();
    await settled();
    expect(stream.read().sink).toMatchObject({ text: "data: [DONE]\n\n", ends: 1 });
    expect(stream.observed).toMatchObject([{ ok: true }]);
  });

  it("is committed when more has come than is worth holding", async () => {
    const stream = await open();
    const empty = `data: ${JSON.stringify({ choices: [], pad: "x".repeat(30_000) })}\n\n`;
    stream.upstream(0).write(empty);
    stream.upstream(0).write(empty);
    await settled();
    expect(stream.isCommitted).toBe(false);
    stream.upstream(0).write(empty);
    await settled();
    expect(stream.isCommitted).toBe(true);
  });

  it("waits for the client once it is committed", async () => {
    const stream = await open();
    stream.upstream(0).write(role + hel);
    expect(stream.upstream(0).isPaused).toBe(true);
    await settled();
    const { sink } = stream.read();
    expect(stream.upstream(0).isPaused).toBe(false);
    sink.hasRoom = false;
    stream.upstream(0).write(rest[1] ?? "");
    expect(stream.upstream(0).isPaused).toBe(true);
  });

  it("may have come as a whole before the client reads", async () => {
    const stream = await open();
    stream.upstream(0).write(whole);
    stream.upstream(0).end();
    await settled();
    expect(stream.read().sink).toMatchObject({ text: `${whole}data: [DONE]\n\n`, ends: 1 });
  });
});

describe("a stream that fails while it is held back", () => {
  const failures: readonly (readonly [
    string,
    FailoverCriterion,
    (body: { write(text: string): void; end(): void; fail(error: Error): void }) => void,
    string,
  ])[] = [
    ["is cut", "error", (from) => from.fail(broken()), "stream_cut"],
    ["ends", "error", (from) => from.end(), "stream_cut"],
    ["stalls", "timeout", (from) => from.fail(broken("timeout")), "upstream_timeout"],
    ["has broken framing", "invalid_header", (from) => from.fail(broken("invalid_header")), "stream_cut"],
    [
      "tells of an error",
      "error",
      (from) => from.write('data: {"error":{"message":"busy"}}\n\n'),
      "upstream_stream_error",
    ],
    [
      "cannot be read",
      "invalid_header",
      (from) => from.write(`data: ${"x".repeat(9 * 1024 * 1024)}`),
      "stream_cut",
    ],
  ];

  it.each(failures)(
    "and %s goes to another target where %s and non_idempotent are listed",
    async (_name, criterion, fail, code) => {
      const stream = await open({ criteria: [criterion, "non_idempotent"] });
      stream.upstream(0).write(role);
      fail(stream.upstream(0));
      await settled();
      expect(stream.calls()).toBe(2);
      stream.upstream(1).write(whole);
      stream.upstream(1).end();
      await settled();
      const { sink, reply } = stream.read();
      expect(sink.text).toBe(`${whole}data: [DONE]\n\n`);
      expect(reply.headers["x-kong-llm-model"]).toBe("openai/m1");
      expect(stream.observed).toMatchObject([
        { target: "openai/m0", ok: false },
        { target: "openai/m1", ok: true },
      ]);
      expect(stream.exchange.ai?.tried).toMatchObject([{ failure: code, latency_ms: 0 }, { status: 200 }]);
      expect(stream.exchange.ai).not.toHaveProperty("streamError");
      expect(stream.clock.timers).toBe(0);
    },
  );

  it.each(failures)(
    "and %s is an error with a status where the rules do not allow another try",
    async (_name, criterion, fail, code) => {
      const others = everything.filter((each) => each !== criterion);
      for (const criteria of [others, [criterion]]) {
        const stream = await open({ criteria });
        stream.upstream(0).write(role);
        fail(stream.upstream(0));
        await settled();
        expect(stream.calls()).toBe(1);
        expect(stream.error).toMatchObject({ code, status: code === "upstream_timeout" ? 504 : 502 });
        expect(stream.exchange.ai).not.toHaveProperty("streamError");
        expect(stream.observed).toHaveLength(1);
      }
    },
  );

  it("is an error with a status where no target is left, and where no retry is", async () => {
    const last = await open({
      answers: [{ headers: eventStream }, new UpstreamError("error", false, new Error("x"))],
    });
    last.upstream(0).fail(broken());
    await settled();
    expect(last.error).toMatchObject({ code: "upstream_unreachable" });
    const none = await open({ retries: 0 });
    none.upstream(0).fail(broken());
    await settled();
    expect(none.error).toMatchObject({ code: "stream_cut", status: 502 });
  });

  it("leaves nothing of its own in the record of the next", async () => {
    const stream = await open({
      answers: [{ headers: eventStream }, { body: completion("hi", { usage: undefined }) }],
    });
    stream
      .upstream(0)
      .write(
        `data: ${JSON.stringify({ model: "m-x", choices: [], usage: { prompt_tokens: 77, completion_tokens: 1 } })}\n\n${role}`,
      );
    stream.upstream(0).fail(broken());
    await settled();
    expect(stream.read().sink.text).toContain('"content":"hi"');
    expect(stream.exchange.ai?.usage).toMatchObject({ inputTokens: 10, outputTokens: 1, estimated: true });
    expect(stream.exchange.ai).toMatchObject({ responseModel: "m-2024" });
    expect(stream.exchange.ai).not.toHaveProperty("timeToFirstTokenMs");
    expect(stream.observed[0]?.usage).toMatchObject({ inputTokens: 77 });
  });

  it("does not have its tokens taken for those of the next when they are counted late, but its cost is part of the whole", async () => {
    const count = later<number>();
    const stream = await open({ countTokens: () => count.promise });
    stream.upstream(0).write(role);
    stream.upstream(0).fail(broken());
    await settled();
    stream.upstream(1).write([role, ...rest].join(""));
    stream.upstream(1).end();
    count.resolve(7);
    await settled();
    expect(stream.exchange.ai?.usage).toEqual({ inputTokens: 10, outputTokens: 5 });
    const { tried = [] } = stream.exchange.ai ?? {};
    expect(tried.map(({ spend }) => spend?.usage.outputTokens)).toEqual([7, 5]);
    expect(stream.observed.map(({ usage }) => usage)).toEqual([
      { inputTokens: 10, outputTokens: 5 },
      { inputTokens: 14, outputTokens: 7, estimated: true },
    ]);
  });

  it("is nobody's fault where the client has left", async () => {
    const leaving = new AbortController();
    const stream = await open({ signal: leaving.signal });
    stream.upstream(0).write(role);
    const reason = new Error("the client is gone");
    leaving.abort(reason);
    await settled();
    expect(stream.error).toBe(reason);
    expect(stream.calls()).toBe(1);
    expect(stream.observed).toMatchObject([{ ok: false, aborted: true, usage: { estimated: true } }]);
    expect(stream.observed[0]).not.toHaveProperty("failure");
    expect(stream.clock.timers).toBe(0);
  });

  it("is nobody's fault where the client leaves after the commit and before it reads", async () => {
    const leaving = new AbortController();
    const stream = await open({ signal: leaving.signal });
    stream.upstream(0).write(role + hel);
    await settled();
    leaving.abort(new Error("the client is gone"));
    await settled();
    expect(stream.observed).toMatchObject([{ ok: false, aborted: true }]);
    const { flow } = stream.read();
    flow.cancel(new Error("dropped"));
    await settled();
    expect(stream.observed).toHaveLength(1);
  });
});

describe("a whole answer that cannot be used", () => {
  const last = { body: completion("hi") };
  it.each([
    ["is no JSON", { body: "<html>" }, "invalid_header", "unusable"],
    ["is JSON of another kind", { body: { hello: 1 } }, "invalid_header", "unusable"],
    [
      "cannot be decompressed",
      { body: "plain", headers: { "content-encoding": "gzip" } },
      "invalid_header",
      "unusable",
    ],
    ["breaks off", { body: '{"choi', failure: broken() }, "error", "stream"],
    ["stalls", { body: '{"choi', failure: broken("timeout") }, "timeout", "stream"],
  ] as const)(
    "because it %s goes to another target under the same rules",
    async (_name, answer, criterion, kind) => {
      const ask = { messages: body.messages };
      const chat = startChat(targets, {
        answers: [answer, last],
        body: ask,
        criteria: [criterion, "non_idempotent"],
      });
      expect((await chat.reply).headers["x-kong-llm-model"]).toBe("openai/m1");
      expect(chat.observed).toMatchObject([{ ok: false, failure: kind }, { ok: true }]);
      expect(chat.exchange.ai?.tried[0]).toMatchObject({ status: 200, failure_kind: kind });
      for (const criteria of [[criterion], everything.filter((each) => each !== criterion)]) {
        const alone = startChat(targets, { answers: [answer], body: ask, criteria });
        await expect(alone.reply).rejects.toThrow();
        expect(alone.observed).toHaveLength(1);
      }
    },
  );
});
