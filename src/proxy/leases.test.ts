import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readReply, startChat } from "../../test/support/chat.ts";
import { createFakeClock, settled } from "../../test/support/fake-clock.ts";
import {
  completion,
  completionEvents,
  eventStream,
  type FakeAnswer,
  type FakeBody,
} from "../../test/support/fake-upstream.ts";
import { createProxyTarget } from "../../test/support/proxy-targets.ts";
import type { Reply } from "../http/reply.ts";
import { UpstreamError } from "../http/upstream-error.ts";

const errorEvent = 'data: {"error":{"message":"overloaded"}}\n\n';
const [role = "", content = "", finish = ""] = completionEvents("word");

/** What a vendor may do with a call. */
const answer: fc.Arbitrary<FakeAnswer | Error> = fc.oneof(
  fc.constant<FakeAnswer>({ hangs: true }),
  fc.constant<FakeAnswer>({ headers: eventStream }),
  fc.constant<FakeAnswer>({}),
  fc.constantFrom<FakeAnswer>({ body: completion("hi") }, { body: "<html>" }, { body: { no: "answer" } }),
  fc.constantFrom(400, 429, 500, 503).map((status): FakeAnswer => ({ status, body: { error: {} } })),
  fc.constantFrom(429, 503).map((status): FakeAnswer => ({ status, headers: { "retry-after": "3" } })),
  fc
    .record({ kind: fc.constantFrom("error", "timeout", "invalid_header"), sent: fc.boolean() })
    .map(({ kind, sent }) => new UpstreamError(kind, sent, new Error("x"))),
);

/** What happens next: to the latest body, to the clock, or at the client. */
interface Step {
  readonly does: "write" | "end" | "fail" | "read" | "leave" | "cancel" | "wait";
  readonly text?: string;
  readonly ms?: number;
}

const texts = [role, content, finish, errorEvent, "data: {\n\n", ": note\n\n", '{"choices":[]}'];
const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: fc.constantFrom(...texts).map((text) => ({ does: "write", text }) as const), weight: 3 },
  fc.constantFrom("end", "fail", "read", "leave", "cancel").map((does) => ({ does }) as const),
  fc.constantFrom(1, 400, 6000).map((ms) => ({ does: "wait", ms }) as const),
);

const setting = fc.record({
  answers: fc.array(answer, { minLength: 1, maxLength: 4 }),
  steps: fc.array(step, { maxLength: 12 }),
  isStream: fc.boolean(),
  totalTimeoutMs: fc.constantFrom(0, 500),
  streamHoldMs: fc.constantFrom(0, 5000),
  criteria: fc.constantFrom(
    ["error", "timeout", "invalid_header", "http_429", "http_500", "http_503", "non_idempotent"] as const,
    ["error", "timeout"] as const,
    [] as const,
  ),
  maxFails: fc.constantFrom(0, 1),
  /** A target whose request cannot be encoded. */
  unusable: fc.constantFrom(undefined, 0, 1),
});

type Setting = typeof setting extends fc.Arbitrary<infer Value> ? Value : never;

async function play({ answers, steps, isStream, unusable, ...facts }: Setting) {
  const clock = createFakeClock();
  const leaving = new AbortController();
  const targets = [0, 1, 2, 3].map((index) =>
    createProxyTarget(index, index === unusable ? { modelName: "$(headers.x-missing)" } : {}),
  );
  const hangs: FakeAnswer = { hangs: true };
  const chat = startChat(targets, {
    ...facts,
    answers: [...answers, hangs, hangs, hangs, hangs].slice(0, 4),
    body: { messages: [{ role: "user", content: "one two" }], stream: isStream },
    signal: leaving.signal,
    clock,
  });
  let reply: Reply | undefined;
  let reading: ReturnType<typeof readReply> | undefined;
  let isOver = false;
  chat.reply.then(
    (value) => {
      reply = value;
    },
    () => {
      isOver = true;
    },
  );
  const read = () => {
    if (reply !== undefined) reading ??= readReply(reply);
  };
  const leave = () => {
    // In the order of the listener: first the body, then all others.
    reading?.flow.cancel(new Error("the client is gone"));
    leaving.abort(new Error("the client is gone"));
  };
  const does: Record<Step["does"], (body: FakeBody | undefined, each: Step) => unknown> = {
    write: (body, each) => body?.write(each.text ?? ""),
    end: (body) => body?.end(),
    fail: (body) => body?.fail(new UpstreamError("error", true, new Error("x"), true)),
    read,
    leave,
    cancel: () => reading?.flow.cancel(new Error("the client is gone")),
    wait: (_body, each) => clock.advance(each.ms ?? 0),
  };
  await settled();
  for (const each of steps) {
    await does[each.does](chat.upstream.bodies.at(-1), each);
    await settled();
  }
  leave();
  await settled();
  // The listener reads whatever reply there is, if only to drop it.
  read();
  reading?.flow.cancel(new Error("the client is gone"));
  await settled();
  return { ...chat, clock, isDecided: reply !== undefined || isOver, text: reading?.sink.text ?? "" };
}

describe("the lease of an attempt", () => {
  it("is ended exactly once, whatever the upstream, the client and the clock do", async () => {
    await fc.assert(
      fc.asyncProperty(setting, async (given) => {
        const { settings, observed, upstream, clock, isDecided, exchange } = await play(given);
        const status = settings.pool.status();
        expect(isDecided).toBe(true);
        expect(status.map(({ inFlight }) => inFlight)).toEqual([0, 0, 0, 0]);
        expect(status.reduce((sum, { attempts }) => sum + attempts, 0)).toBe(observed.length);
        expect(new Set(observed.map(({ target }) => target)).size).toBe(observed.length);
        expect(observed.length).toBeGreaterThanOrEqual(upstream.calls.length);
        for (const each of observed) {
          const kinds = [each.ok, each.failure !== undefined, each.aborted === true];
          expect(kinds.filter(Boolean)).toHaveLength(1);
        }
        for (const tried of exchange.ai?.tried ?? []) expect(tried.latency_ms).toBeGreaterThanOrEqual(0);
        expect(clock.timers).toBe(0);
      }),
      { numRuns: 600 },
    );
  });

  it("never lets a stream that failed look whole, nor a whole one look failed", async () => {
    await fc.assert(
      fc.asyncProperty(setting, async (given) => {
        const { exchange, observed, text } = await play({ ...given, isStream: true });
        // They are told of in the order in which they end: one that was replaced may still be counting its tokens.
        const last = exchange.ai?.tried.at(-1);
        const isOk = observed.find(({ target }) => target === `${last?.provider}/${last?.model}`)?.ok;
        if (text.includes("[DONE]")) expect(isOk).toBe(true);
        if (text.includes('"request_id"')) expect(isOk).toBe(false);
        expect(text.split("[DONE]").length + text.split('"request_id"').length).toBeLessThanOrEqual(3);
      }),
      { numRuns: 300 },
    );
  });

  it("is given up, without blame, where the request cannot be encoded for its target", async () => {
    const [target = createProxyTarget(0)] = [createProxyTarget(0, { modelName: "$(headers.x-missing)" })];
    const chat = startChat([target], { answers: [], maxFails: 1 });
    await expect(chat.reply).rejects.toMatchObject({ code: "template_missing" });
    expect(chat.observed).toEqual([{ target: target.name, ok: false, aborted: true, latencyMs: 0 }]);
    expect(chat.settings.pool.status()).toMatchObject([{ failures: 0, inFlight: 0, breaker: "closed" }]);
  });

  it("is given up, without blame, where something of ours fails", async () => {
    const chat = startChat([createProxyTarget(0)], { answers: [] });
    await expect(chat.reply).rejects.toThrow("the test has no answer");
    expect(chat.observed).toMatchObject([{ ok: false, aborted: true }]);
    expect(chat.observed[0]).not.toHaveProperty("failure");
  });

  it("ends with what the vendor asked for, also where the client gets the answer", async () => {
    for (const [headers, wait] of [
      [{ "retry-after": "7" }, 7000],
      [{ "retry-after-ms": "250" }, 250],
      [{ "retry-after": "Tue, 14 Nov 2023 22:13:50 GMT" }, 30_000],
    ] as const) {
      const chat = startChat([createProxyTarget(0)], { answers: [{ status: 429, headers, body: "{}" }] });
      expect((await chat.reply).headers).toMatchObject(headers);
      expect(chat.observed).toMatchObject([{ failure: "http_429", retryAfterMs: wait }]);
    }
    const other = startChat([createProxyTarget(0)], {
      answers: [{ status: 403, headers: { "retry-after": "7" }, body: "{}" }],
    });
    await other.reply;
    expect(other.observed[0]).not.toHaveProperty("retryAfterMs");
  });
});
