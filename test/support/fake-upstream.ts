/** An upstream client whose answers a test writes. */
import type { Cancellation } from "../../src/http/cancellation.ts";
import { UpstreamBody } from "../../src/http/upstream-body.ts";
import type { UpstreamCall, UpstreamClient, UpstreamResponse } from "../../src/http/upstream-client.ts";
import { UpstreamError } from "../../src/http/upstream-error.ts";

export interface FakeAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Written out as JSON unless it is text or bytes. Undefined: the test writes the body. */
  readonly body?: unknown;
  /** Breaks off after the body. */
  readonly failure?: Error;
  /** The head never comes. */
  readonly hangs?: true;
}

/** An answer's body from the upstream's side. */
export interface FakeBody {
  write(chunk: Uint8Array | string): void;
  end(): void;
  fail(error: Error): void;
  readonly isPaused: boolean;
  /** Why the gateway let go of it, once it has. */
  readonly aborted: Error | undefined;
}

export interface FakeUpstream extends UpstreamClient {
  readonly calls: readonly UpstreamCall[];
  /** The bodies of the answers, in order. */
  readonly bodies: readonly FakeBody[];
  /** The parsed JSON bodies that were sent. */
  readonly sent: readonly Record<string, unknown>[];
}

/** Answers call after call from the list; an `Error` in it is what the call rejects with. */
export function createFakeUpstream(answers: readonly (FakeAnswer | Error)[]): FakeUpstream {
  const calls: UpstreamCall[] = [];
  const bodies: FakeBody[] = [];
  const left = [...answers];
  return {
    calls,
    bodies,
    get sent() {
      return calls.map((call) => JSON.parse(String(call.body)));
    },
    async send(call, signal) {
      if (signal.aborted) throw signal.reason;
      calls.push(call);
      const answer = left.shift();
      if (answer === undefined) throw new Error(`the test has no answer for call ${calls.length}`);
      if (answer instanceof Error) throw answer;
      if (answer.hangs === true) return await aborted(signal);
      const { response, body } = createAnswer(answer);
      bodies.push(body);
      signal.addEventListener("abort", () =>
        body.fail(new UpstreamError("error", true, signal.reason, true)),
      );
      return response;
    },
    async close() {},
  };
}

/** Rejects with the signal's reason, once it has one. */
function aborted(signal: Cancellation): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });
}

function createAnswer(answer: FakeAnswer): { readonly response: UpstreamResponse; readonly body: FakeBody } {
  let isPaused = false;
  let aborted: Error | undefined;
  const inner = new UpstreamBody({
    get paused() {
      return isPaused;
    },
    abort: (reason) => {
      aborted ??= reason;
    },
    pause: () => {
      isPaused = true;
    },
    resume: () => {
      isPaused = false;
    },
  });
  const body: FakeBody = {
    write: (chunk) => inner.accept(Buffer.from(chunk)),
    end: () => inner.finish(),
    fail: (error) => inner.finish(error),
    get isPaused() {
      return isPaused;
    },
    get aborted() {
      return aborted;
    },
  };
  const { status = 200, headers = { "content-type": "application/json" } } = answer;
  if (answer.body !== undefined) {
    const { body: given } = answer;
    body.write(typeof given === "string" || given instanceof Uint8Array ? given : JSON.stringify(given));
    if (answer.failure === undefined) body.end();
    else body.fail(answer.failure);
  }
  return { response: { status, headers, body: inner }, body };
}

/** A whole answer in OpenAI's form. */
export function completion(content: string, facts: Readonly<Record<string, unknown>> = {}) {
  return {
    id: "chatcmpl-1",
    object: "chat.completion",
    created: 1_700_000_000,
    model: "m-2024",
    choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
    usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
    ...facts,
  };
}

/** The events of a streamed answer in OpenAI's form, one string each, `[DONE]` and its usage included. */
export function completionEvents(...contents: readonly string[]): readonly string[] {
  const base = { id: "chatcmpl-1", object: "chat.completion.chunk", created: 1_700_000_000, model: "m-2024" };
  const event = (chunk: unknown) => `data: ${JSON.stringify(chunk)}\n\n`;
  const delta = (content: string) =>
    event({ ...base, choices: [{ index: 0, delta: { content }, finish_reason: null }] });
  return [
    event({
      ...base,
      choices: [{ index: 0, delta: { role: "assistant", content: "" }, finish_reason: null }],
    }),
    ...contents.map(delta),
    event({ ...base, choices: [{ index: 0, delta: {}, finish_reason: "stop" }] }),
    event({ ...base, choices: [], usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 } }),
    "data: [DONE]\n\n",
  ];
}

export const eventStream = { "content-type": "text/event-stream; charset=utf-8" };
