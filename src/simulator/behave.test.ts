import { Agent, type IncomingHttpHeaders, request } from "node:http";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Behaviour } from "./behaviour.ts";
import { type Simulator, startSimulator } from "./simulator.ts";

let simulator: Simulator;
const waits: number[] = [];

beforeAll(async () => {
  const sleep = async (ms: number) => {
    waits.push(Math.round(ms * 1000) / 1000);
  };
  simulator = await startSimulator({ now: () => 0, sleep });
});
beforeEach(() => {
  simulator.reset();
  waits.length = 0;
});
afterAll(() => simulator.close());

interface Outcome {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly chunks: readonly Buffer[];
  /** Whether the answer came to its proper end. */
  readonly complete: boolean;
  readonly error: string | undefined;
}

/** A request whose failures are results, over a connection of its own. */
function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let status: number | undefined;
    let received: IncomingHttpHeaders = {};
    const end = (complete: boolean, error?: NodeJS.ErrnoException) =>
      resolve({
        status,
        headers: received,
        body: Buffer.concat(chunks),
        chunks,
        complete,
        error: error?.code,
      });
    const sent = request(
      `${simulator.url}${path}`,
      { method: "POST", headers, agent: new Agent() },
      (answer) => {
        status = answer.statusCode;
        received = answer.headers;
        answer.on("data", (chunk: Buffer) => chunks.push(chunk));
        answer.on("end", () => end(true));
        answer.on("error", (error) => end(false, error));
      },
    );
    sent.on("error", (error) => end(false, error));
    sent.end(JSON.stringify(body));
  });
}

const openaiChat = {
  path: "/v1/chat/completions",
  body: { model: "gpt-4o", messages: [{ role: "user", content: "Hi" }] },
  headers: {},
};
const anthropicChat = {
  path: "/v1/messages",
  body: { model: "claude", max_tokens: 500, messages: [{ role: "user", content: "Hi" }] },
  headers: { "anthropic-version": "2023-06-01" },
};
type Shape = "openai" | "anthropic";

function ask(behaviour: Behaviour, options: { stream?: boolean; vendor?: Shape } = {}): Promise<Outcome> {
  const { path, body, headers } = options.vendor === "anthropic" ? anthropicChat : openaiChat;
  simulator.behave({ behaviour, times: 1 });
  return post(path, { ...body, ...(options.stream === true ? { stream: true } : {}) }, headers);
}

const stream = (behaviour: Behaviour, vendor: Shape = "openai") => ask(behaviour, { stream: true, vendor });
const events = ({ body }: Outcome) =>
  body
    .toString()
    .split("\n\n")
    .filter((event) => event !== "");
const text = ({ body }: Outcome) => JSON.parse(body.toString()).choices[0].message.content as string;

describe("time", () => {
  it("passes before the first byte with latencyMs", async () => {
    expect((await ask({ latencyMs: 250 })).status).toBe(200);
    expect(waits).toEqual([250]);
  });

  it("passes before an error, too", async () => {
    expect((await ask({ latencyMs: 250, status: 500 })).status).toBe(500);
    expect(waits).toEqual([250]);
  });

  it("passes for each token with perTokenMs: at once for a whole answer, between the chunks of a stream", async () => {
    await ask({ perTokenMs: 10, outputTokens: 9 });
    expect(waits).toEqual([90]);
    waits.length = 0;
    await stream({ perTokenMs: 10, outputTokens: 9 });
    expect(waits).toEqual([10, 20, 30, 10, 20]);
  });

  it("adds up where a wait is too short for a timer", async () => {
    await stream({ perTokenMs: 0.25, outputTokens: 12 });
    expect(waits).toEqual([1.5, 1.5]);
  });

  it("varies with jitter, the same way for the same seed", async () => {
    const measure = async () => {
      const drawn: number[] = [];
      const sleep = async (ms: number) => {
        drawn.push(ms);
      };
      const other = await startSimulator({
        now: () => 0,
        sleep,
        seed: 5,
        behaviour: { latencyMs: 100, jitter: 0.5 },
      });
      for (let count = 0; count < 20; count++) await fetch(`${other.url}/v1/models`);
      await other.close();
      return drawn;
    };
    const drawn = await measure();
    expect(await measure()).toEqual(drawn);
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(50);
    expect(Math.max(...drawn)).toBeLessThanOrEqual(150);
    expect(Math.max(...drawn) - Math.min(...drawn)).toBeGreaterThan(30);
  });
});

describe("errors", () => {
  it.each([
    [429, "1", { type: "requests", code: "rate_limit_exceeded" }],
    [503, "1", { type: "server_error", code: null }],
    [500, undefined, { type: "server_error", code: null }],
    [401, undefined, { type: "invalid_request_error", code: "invalid_api_key" }],
    [418, undefined, { type: "invalid_request_error", code: null }],
  ])("with status %d are worded as OpenAI does", async (status, retryAfter, error) => {
    const outcome = await stream({ status });
    expect([outcome.status, outcome.headers["retry-after"]]).toEqual([status, retryAfter]);
    expect(JSON.parse(outcome.body.toString())).toMatchObject({
      error: { ...error, message: expect.any(String), param: null },
    });
  });

  it.each([
    [429, "rate_limit_error"],
    [529, "overloaded_error"],
    [500, "api_error"],
    [401, "authentication_error"],
  ])("with status %d are worded as Anthropic does", async (status, type) => {
    const outcome = await ask({ status, retryAfterSeconds: 7 }, { vendor: "anthropic" });
    expect([outcome.status, outcome.headers["retry-after"]]).toEqual([status, "7"]);
    expect(JSON.parse(outcome.body.toString())).toMatchObject({ type: "error", error: { type } });
  });

  it("hit the share of requests that failRate says", async () => {
    simulator.behave({ behaviour: { failRate: 0.5, status: 503 } });
    const outcomes = await Promise.all(
      Array.from({ length: 60 }, () => post(openaiChat.path, openaiChat.body)),
    );
    const failed = outcomes.filter(({ status }) => status === 503).length;
    expect(failed).toBeGreaterThan(15);
    expect(failed).toBeLessThan(45);
    expect(outcomes.every(({ status }) => status === 503 || status === 200)).toBe(true);
  });
});

describe("broken connections", () => {
  it("are reset instead of an answer with resetBeforeHeaders", async () => {
    expect(await ask({ resetBeforeHeaders: true })).toMatchObject({ status: undefined, error: "ECONNRESET" });
  });

  it("break in the response head with halfHeader", async () => {
    expect(await ask({ halfHeader: true })).toMatchObject({ status: undefined, complete: false });
  });

  it("never answer with hang, until the client gives up", async () => {
    simulator.behave({ behaviour: { hang: true } });
    const gone = new AbortController();
    const answer = fetch(`${simulator.url}${openaiChat.path}`, {
      method: "POST",
      body: JSON.stringify(openaiChat.body),
      signal: gone.signal,
    });
    await expect.poll(() => simulator.received()[0]?.body).toBeDefined();
    gone.abort();
    await expect(answer).rejects.toThrow("aborted");
    await expect.poll(() => simulator.received()[0]).toMatchObject({ aborted: true, status: undefined });
  });

  it.each([0, 1, 5])("close after %d events with cutAfterChunks", async (cutAfterChunks) => {
    const outcome = await stream({ cutAfterChunks, outputTokens: 50 });
    expect(outcome).toMatchObject({ status: 200, complete: false });
    expect(events(outcome)).toHaveLength(cutAfterChunks);
    expect(simulator.received()[0]?.aborted).toBe(false);
  });

  it("do not close when the answer ends before the cut", async () => {
    expect((await stream({ cutAfterChunks: 1000 })).complete).toBe(true);
    expect((await ask({ cutAfterBytes: 1_000_000 })).complete).toBe(true);
  });

  it.each([0, 1, 77])("close after %d bytes with cutAfterBytes", async (cutAfterBytes) => {
    for (const outcome of [await ask({ cutAfterBytes }), await stream({ cutAfterBytes })]) {
      expect(outcome).toMatchObject({ status: 200, complete: false });
      expect(outcome.body).toHaveLength(cutAfterBytes);
    }
  });

  it("go silent with stallAfterChunks, until the client gives up", async () => {
    simulator.behave({ behaviour: { stallAfterChunks: 2 } });
    const gone = new AbortController();
    const body = JSON.stringify({ ...openaiChat.body, stream: true });
    const answer = await fetch(`${simulator.url}${openaiChat.path}`, {
      method: "POST",
      body,
      signal: gone.signal,
    });
    const reader = answer.body?.getReader();
    let seen = "";
    while (seen.split("\n\n").length < 3) seen += Buffer.from((await reader?.read())?.value ?? []).toString();
    gone.abort();
    await expect.poll(() => simulator.received()[0]).toMatchObject({ aborted: true, status: 200 });
    expect(seen.split("\n\n")).toHaveLength(3);
  });
});

describe("bad bodies", () => {
  it("are empty with emptyBody", async () => {
    expect(await ask({ emptyBody: true })).toMatchObject({
      status: 200,
      complete: true,
      body: Buffer.alloc(0),
    });
    expect(await stream({ emptyBody: true })).toMatchObject({
      status: 200,
      complete: true,
      body: Buffer.alloc(0),
    });
  });

  it("are no JSON with badJson, in a stream from the second event on only there", async () => {
    const whole = await ask({ badJson: true });
    expect(whole).toMatchObject({ status: 200, complete: true });
    expect(() => JSON.parse(whole.body.toString())).toThrow();
    for (const vendor of ["openai", "anthropic"] as const) {
      const data = events(await stream({ badJson: true }, vendor)).map((event) =>
        event.slice(event.indexOf("data: ") + 6),
      );
      const isJson = data.filter((event) => event !== "[DONE]").map((event) => canParse(event));
      expect(isJson.indexOf(false)).toBe(1);
      expect(isJson.lastIndexOf(false)).toBe(1);
    }
  });

  it("end in the vendor's error event with errorAfterChunks", async () => {
    const openai = await stream({ errorAfterChunks: 3 });
    expect(openai.complete).toBe(true);
    expect(events(openai)).toHaveLength(4);
    expect(events(openai)[3]).toMatch(/^data: \{"error":\{"message":/);
    const anthropic = events(await stream({ errorAfterChunks: 3 }, "anthropic"));
    expect(anthropic[3]).toMatch(/^event: error\ndata: \{"type":"error","error":\{"type":"api_error"/);
  });

  it("end without their last event with noDone", async () => {
    const openai = await stream({ noDone: true });
    expect(openai.complete).toBe(true);
    expect(events(openai).at(-1)).toContain('"finish_reason":"stop"');
    expect(events(await stream({ noDone: true }, "anthropic")).at(-1)).toContain("message_delta");
  });

  it("count no tokens with noUsage", async () => {
    for (const vendor of ["openai", "anthropic"] as const) {
      expect((await ask({ noUsage: true }, { vendor })).body.toString()).not.toContain("usage");
      expect((await stream({ noUsage: true }, vendor)).body.toString()).not.toContain("usage");
    }
  });

  function canParse(json: string): boolean {
    try {
      JSON.parse(json);
      return true;
    } catch {
      return false;
    }
  }
});

describe("transport", () => {
  it("compresses with gzip, whole answers and each event of a stream", async () => {
    const whole = await ask({ gzip: true });
    expect(whole.headers["content-encoding"]).toBe("gzip");
    expect(whole.headers["content-length"]).toBe(String(whole.body.length));
    expect(text({ ...whole, body: gunzipSync(whole.body) })).toBe(text(await ask({})));
    const streamed = await stream({ gzip: true, outputTokens: 4000 });
    expect(streamed.headers["content-encoding"]).toBe("gzip");
    const plain = gunzipSync(streamed.body).toString();
    expect(plain.endsWith("data: [DONE]\n\n")).toBe(true);
    expect(plain.split("\n\n").length).toBeGreaterThan(2000);
  });

  it.each([1, 7, 1_000_000])(
    "cuts the body at every multiple of %d bytes with chunkBytes, across characters",
    async (chunkBytes) => {
      const content = "naïve → ✓ 漢字 🙂";
      const whole = await ask({ chunkBytes, content });
      expect(text(whole)).toBe(content);
      const streamed = await stream({ chunkBytes, content });
      const expected = await stream({ content });
      expect(events(streamed)).toHaveLength(events(expected).length);
      if (chunkBytes === 7) {
        expect(streamed.chunks.length).toBeGreaterThan(100);
        expect(
          streamed.chunks.every(
            (chunk, index) => chunk.length % 7 === 0 || index === streamed.chunks.length - 1,
          ),
        ).toBe(true);
      }
    },
  );

  it("breaks off compressed and cut-up bodies at the byte it is told", async () => {
    const outcome = await stream({ gzip: true, chunkBytes: 5, cutAfterBytes: 33 });
    expect(outcome).toMatchObject({ complete: false });
    expect(outcome.body).toHaveLength(33);
  });

  it("waits for a slow reader instead of piling up the answer", async () => {
    simulator.behave({ behaviour: { outputTokens: 99_999, perTokenMs: 1 }, times: 1 });
    const body = JSON.stringify({ ...openaiChat.body, stream: true });
    const answer = await fetch(`${simulator.url}${openaiChat.path}`, { method: "POST", body });
    // The waits cost no time here. Without back-pressure all 50,000 events (11 MB) would be written by now.
    for (let turn = 0; turn < 300; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(waits.length).toBeLessThan(50_000);
    expect((await answer.text()).endsWith("data: [DONE]\n\n")).toBe(true);
    expect(waits).toHaveLength(50_000);
  });
});
