/** Streams that go wrong: a broken one never looks whole, and a client that leaves stops the vendor. */
import { request } from "undici";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { eventsOf, type Stack, startStack, until } from "../support/gateway.ts";
import { anthropicTarget, chatUrl, openaiTarget, routesConfig } from "../support/gateway-config.ts";
import { openStream, readStream } from "../support/stream-client.ts";

const ask = { messages: [{ role: "user", content: "Hi" }], stream: true };
/** The gateway asks for usage in every stream; a direct request has to, to get the same bytes. */
const vendorAsk = { model: "gpt-4o", ...ask, stream_options: { include_usage: true } };

const cut = {
  code: "stream_cut",
  type: "api_connection_error",
  message: "the upstream closed the stream before the answer was complete",
};

/** What the client saw, apart: the text of the answer, the error, and whether it was called done. */
function outcomeOf(text: string) {
  const events = eventsOf(text);
  const isDone = events.at(-1) === "[DONE]";
  const chunks = events.filter((event) => event !== "[DONE]").map((event) => JSON.parse(event) as Seen);
  const errors = chunks.flatMap(({ error }) => (error === undefined ? [] : [error]));
  const words = chunks.map(({ choices }) => choices?.[0]?.delta?.content ?? "").join("");
  return { events, words, isDone, errors, isErrorLast: chunks.at(-1)?.error !== undefined };
}

interface Seen {
  readonly error?: { readonly code: string; readonly message: string; readonly type: string };
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string };
    readonly finish_reason?: string | null;
  }[];
}

let stack: Stack;
const url = (route = "chat") => `${stack.url}/${route}`;

beforeAll(async () => {
  stack = await startStack({
    config: (simulator) =>
      routesConfig({
        chat: {
          balancer: { read_timeout: 1_000 },
          targets: [openaiTarget(chatUrl(simulator), { options: { input_cost: 1, output_cost: 2 } })],
        },
        claude: {
          balancer: { read_timeout: 1_000 },
          targets: [anthropicTarget(`${simulator}/v1/messages`, { model: "claude-haiku-4-5" })],
        },
        patient: { targets: [openaiTarget(chatUrl(simulator))] },
      }),
    // A request says itself where it is to be cut, so that many can run at once.
    simulator: {
      script: ({ body }) => {
        const [, knob, at] = /^(cut\w+)=(\d+)$/.exec(String((body as { user?: unknown })?.user)) ?? [];
        return knob === undefined ? undefined : { [knob]: Number(at) };
      },
    },
  });
});
beforeEach(() => stack.simulator.reset());
afterAll(() => stack.close());

describe("a stream that the vendor cuts", () => {
  it("before its first content is an error, later ends in an error event, unless the answer was complete", async () => {
    stack.simulator.behave({ behaviour: { content: "One two three, four five six, seven eight nine." } });
    const whole = eventsOf((await readStream(`${stack.simulator.url}/v1/chat/completions`, vendorAsk)).text);
    const finish = whole.findIndex((event) => event.includes('"finish_reason":"stop"'));
    expect(finish).toBeGreaterThan(4);
    const first = whole.findIndex((event) => /"content":"[^"]/.test(event));
    expect(first).toBeGreaterThan(0);
    for (let events = 0; events < whole.length; events++) {
      const { status, text } = await readStream(url(), { ...ask, user: `cutAfterChunks=${events}` });
      const seen = outcomeOf(text);
      const isWhole = events > finish;
      const isHeld = events <= first;
      expect(status).toBe(isHeld ? 502 : 200);
      expect(seen.isDone, `after ${events} events`).toBe(isWhole);
      expect(seen.errors).toEqual(isWhole ? [] : [{ ...cut, request_id: expect.any(String) }]);
      expect(seen.isErrorLast).toBe(!isWhole);
      expect(seen.events).toHaveLength(isHeld ? 1 : Math.min(events, finish + 1) + 1);
    }
  });

  it("after any byte passes on the whole events before it and never calls the rest done", async () => {
    stack.simulator.behave({ behaviour: { content: "Ö!", noUsage: true } });
    const { text } = await readStream(`${stack.simulator.url}/v1/chat/completions`, vendorAsk);
    const ends: { readonly at: number; readonly words: string; readonly isFinish: boolean }[] = [];
    let at = 0;
    for (const event of text.split("\n\n").slice(0, -1)) {
      at += Buffer.byteLength(event) + 2;
      const chunk = event === "data: [DONE]" ? {} : (JSON.parse(event.slice(6)) as Seen);
      const [choice] = chunk.choices ?? [];
      ends.push({
        at,
        words: choice?.delta?.content ?? "",
        isFinish: typeof choice?.finish_reason === "string",
      });
    }
    expect(ends.some(({ isFinish }) => isFinish)).toBe(true);

    const check = async (bytes: number) => {
      const { text: got, complete } = await readStream(url(), { ...ask, user: `cutAfterBytes=${bytes}` });
      const arrived = ends.filter((end) => end.at <= bytes);
      const isWhole = arrived.some(({ isFinish }) => isFinish);
      const seen = outcomeOf(got);
      const wanted = {
        words: arrived.map(({ words }) => words).join(""),
        isDone: isWhole,
        codes: isWhole ? [] : ["stream_cut"],
      };
      expect(
        { words: seen.words, isDone: seen.isDone, codes: seen.errors.map(({ code }) => code) },
        `after ${bytes} of ${at} bytes`,
      ).toEqual(wanted);
      expect(complete).toBe(true);
    };
    for (let first = 0; first < at; first += 24) {
      const batch = Array.from({ length: Math.min(24, at - first) }, (_, i) => check(first + i));
      await Promise.all(batch);
    }
  });

  it("in Anthropic's dialect ends in an error event wherever its last event is missing", async () => {
    const vendor = request(`${stack.simulator.url}/v1/messages`, {
      method: "POST",
      headers: { "anthropic-version": "2023-06-01" },
      body: JSON.stringify({ model: "claude-haiku-4-5", max_tokens: 100, ...ask }),
    });
    const whole = { text: await (await vendor).body.text() };
    const events = whole.text.split("\n\n").length - 1;
    expect(events).toBeGreaterThan(5);
    expect(whole.text).toMatch(/event: message_stop\n[^\n]+\n\n$/);
    for (let at = 0; at < events; at++) {
      stack.simulator.behave({ behaviour: { cutAfterChunks: at }, times: 1 });
      const broken = outcomeOf((await readStream(url("claude"), ask)).text);
      expect(broken.isDone, `after ${at} of ${events} events`).toBe(false);
      expect(broken.errors.map(({ code }) => code)).toEqual(["stream_cut"]);
    }
  });

  it.each([
    ["is silent for read_timeout", { stallAfterChunks: 2 }, "upstream_timeout", 200],
    ["ends without [DONE] in mid-sentence", { cutAfterChunks: 2 }, "stream_cut", 200],
    ["is empty", { emptyBody: true }, "stream_cut", 502],
    ["is cut in a compressed block", { gzip: true, cutAfterBytes: 150 }, "stream_cut", 502],
    ["holds what is no JSON", { badJson: true }, "upstream_stream_error", 502],
    ["says that it failed", { errorAfterChunks: 2 }, "upstream_stream_error", 200],
  ])("and %s is settled as an error, with what it cost", async (_name, behaviour, code, status) => {
    stack.simulator.behave({ behaviour });
    const { text, headers, complete } = await readStream(url(), ask);
    const seen = outcomeOf(text);
    expect(seen).toMatchObject({ isDone: false, isErrorLast: true, errors: [{ code }] });
    expect(complete).toBe(true);
    const record = await stack.recordOf(String(headers["x-kong-request-id"]));
    expect(record.ai?.proxy.meta.stream_error).toBe(status === 200 ? code : undefined);
    expect(record.ai?.proxy.usage).toMatchObject({ estimated: true, cost_known: true });
    expect(record.ai?.proxy.tried_targets).toMatchObject([{ status: 200, failure: code }]);
    expect(record.response.status).toBe(status);
  });

  it("but had been complete is a good one without its [DONE]", async () => {
    stack.simulator.behave({ behaviour: { noDone: true } });
    const seen = outcomeOf((await readStream(url(), ask)).text);
    expect(seen).toMatchObject({ isDone: true, errors: [] });
  });

  it("passes the vendor's own words for its error on", async () => {
    stack.simulator.behave({ behaviour: { errorAfterChunks: 1 } });
    const [error] = outcomeOf((await readStream(url("claude"), ask)).text).errors;
    expect(error?.message).toMatch(/^the upstream reported an error inside the stream: ./);
  });
});

describe("a client that leaves", () => {
  it("in mid-stream stops the vendor at once, and what was said is accounted for", async () => {
    stack.simulator.behave({ behaviour: { outputTokens: 20_000, perTokenMs: 1 } });
    const answer = await openStream(url(), ask);
    for (let i = 0; i < 5; i++) await answer.next();
    expect(stack.simulator.received().at(-1)?.aborted).toBe(false);
    const leftAt = performance.now();
    answer.leave();
    await until(() => stack.simulator.received().at(-1)?.aborted === true, "the vendor is told");
    expect(performance.now() - leftAt).toBeLessThan(9_000); // the rest would take 20 s

    const record = await stack.recordOf(String(answer.headers["x-kong-request-id"]));
    expect(record.client_aborted).toBe(true);
    expect(record.error).toBeUndefined();
    const proxy = record.ai?.proxy;
    expect(proxy?.meta.stream_error).toBe("client_aborted");
    expect(proxy?.usage).toMatchObject({ estimated: true, cost_known: true });
    expect(proxy?.usage?.completion_tokens).toBeGreaterThan(0);
    expect(proxy?.usage?.completion_tokens).toBeLessThan(20_000);
    expect(stack.metrics()).toMatch(
      /kong_ai_llm_tokens_total\{[^}]*token_type="completion_tokens"[^}]*\} [1-9]/,
    );
  });

  it.each([
    ["a whole answer", false],
    ["a stream", true],
  ])("before %s has begun stops the vendor and is no fault of anybody", async (_name, stream) => {
    stack.simulator.behave({ behaviour: { hang: true } });
    const before = stack.records.length;
    const leaving = new AbortController();
    const sent = stack.send({ path: "/patient", body: { ...ask, stream }, signal: leaving.signal });
    await until(() => stack.simulator.received().length === 1, "the vendor is asked");
    leaving.abort();
    await expect(sent).rejects.toThrow();
    await until(() => stack.simulator.received().at(-1)?.aborted === true, "the vendor is told");
    await until(() => stack.records.length > before, "the record is written");
    const record = stack.records.at(-1);
    expect(record).toMatchObject({ client_aborted: true, response: { status: 499 } });
    expect(record?.error).toBeUndefined();
    expect(stack.log.filter(({ level }) => level === "error")).toEqual([]);
    expect(stack.metrics()).not.toMatch(/kong_http_requests_total\{[^}]*code="500"/);
  });

  it("while a whole answer is still coming stops the vendor", async () => {
    stack.simulator.behave({ behaviour: { perTokenMs: 5, outputTokens: 2000 } });
    const leaving = new AbortController();
    const sent = stack.send({ path: "/patient", body: { ...ask, stream: false }, signal: leaving.signal });
    await until(() => stack.simulator.received().length === 1, "the vendor is asked");
    leaving.abort();
    await expect(sent).rejects.toThrow();
    await until(() => stack.simulator.received().at(-1)?.aborted === true, "the vendor is told");
  });
});
