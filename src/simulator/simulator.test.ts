import { connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { SimulatorOptions } from "./options.ts";
import type { BehaviourRule } from "./rules.ts";
import { type Simulator, startSimulator } from "./simulator.ts";

const started: Simulator[] = [];
afterEach(async () => {
  for (const simulator of started.splice(0)) await simulator.close();
});

async function start(options: Partial<SimulatorOptions> = {}): Promise<Simulator> {
  const simulator = await startSimulator({ now: () => 1234, ...options });
  started.push(simulator);
  return simulator;
}

const chat = "/v1/chat/completions";
const body = (model = "gpt-4o") => ({ model, messages: [{ role: "user", content: "Hi" }] });
const send = (simulator: Simulator, path: string, json: unknown, headers: Record<string, string> = {}) =>
  fetch(`${simulator.url}${path}`, { method: "POST", headers, body: JSON.stringify(json) });

describe("what a simulator received", () => {
  it("is kept with credentials, body, time and status", async () => {
    const simulator = await start();
    await send(simulator, `${chat}?a=1`, body(), { authorization: "Bearer sk-1" });
    await fetch(`${simulator.url}/v1/messages`, { method: "POST", body: "no json" });
    const [first, second] = simulator.received();
    expect(first).toMatchObject({
      number: 1,
      method: "POST",
      path: chat,
      query: "a=1",
      headers: { authorization: "Bearer sk-1" },
      credentialHeaders: ["authorization"],
      body: body(),
      receivedAtMs: 1234,
      status: 200,
      aborted: false,
    });
    expect(second).toMatchObject({ number: 2, body: "no json", status: 400 });
  });

  it("can be read and cleared over HTTP, with a warning", async () => {
    const simulator = await start();
    await send(simulator, chat, body());
    const read = async () => (await fetch(`${simulator.url}/_sluice/received`)).json();
    expect(await read()).toMatchObject({
      warning: expect.stringContaining("credentials"),
      requests: [{ number: 1 }],
    });
    expect((await fetch(`${simulator.url}/_sluice/received`, { method: "DELETE" })).status).toBe(204);
    expect(await read()).toMatchObject({ requests: [] });
  });

  it("says when a client left while it was still sending", async () => {
    const simulator = await start();
    const socket = connect(simulator.port, "127.0.0.1");
    socket.write(`POST ${chat} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"model"`);
    await expect.poll(() => simulator.received()).toHaveLength(1);
    socket.destroy();
    await expect.poll(() => simulator.received()[0]).toMatchObject({ aborted: true, body: undefined });
  });

  it("says when a client left a stream, and the stream stops", async () => {
    let ticks = 0;
    const sleep = (_ms: number, signal: AbortSignal) =>
      new Promise<void>((resolve, reject) => {
        ticks += 1;
        setImmediate(() => (signal.aborted ? reject(signal.reason) : resolve()));
      });
    const simulator = await start({ sleep, behaviour: { perTokenMs: 1, outputTokens: 50_000 } });
    const gone = new AbortController();
    const request = {
      method: "POST",
      body: JSON.stringify({ ...body(), stream: true }),
      signal: gone.signal,
    };
    const answer = await fetch(`${simulator.url}${chat}`, request);
    await answer.body?.getReader().read();
    gone.abort();
    await expect.poll(() => simulator.received()[0]?.aborted).toBe(true);
    expect(ticks).toBeLessThan(25_000);
    const before = ticks;
    await fetch(`${simulator.url}/healthz`);
    expect(ticks - before).toBeLessThanOrEqual(1);
  });

  it("refuses a body beyond its limit without keeping it", async () => {
    const simulator = await start();
    const answer = await fetch(`${simulator.url}${chat}`, {
      method: "POST",
      body: Buffer.alloc(33 * 1024 * 1024, "x"),
    });
    expect(answer.status).toBe(413);
    expect(simulator.received()[0]).toMatchObject({ status: 413, body: undefined });
  });
});

describe("how a simulator behaves", () => {
  it("follows the headers before the rules before the script before the options, knob by knob", async () => {
    const simulator = await start({
      behaviour: { content: "options", cachedTokens: 1, outputTokens: 1 },
      script: ({ path }) => (path === chat ? { content: "script", cachedTokens: 2 } : undefined),
    });
    simulator.behave({ behaviour: { content: "rule" }, times: 2 });
    const content = async (headers = {}) => {
      const answer = (await (await send(simulator, chat, body(), headers)).json()) as {
        choices: { message: { content: string } }[];
        usage: { prompt_tokens_details: { cached_tokens: number } };
      };
      return [answer.choices[0]?.message.content, answer.usage.prompt_tokens_details.cached_tokens];
    };
    expect(await content({ "x-simulate-content": "header" })).toEqual(["header", 2]);
    expect(await content()).toEqual(["rule", 2]);
    expect(await content()).toEqual(["script", 2]);
  });

  it("is laid down over HTTP, for a model and a number of times", async () => {
    const simulator = await start();
    const control = (method: string, rule?: BehaviourRule) =>
      fetch(`${simulator.url}/_sluice/behaviour`, {
        method,
        ...(rule === undefined ? {} : { body: JSON.stringify(rule) }),
      });
    expect(
      (await control("POST", { match: { model: "gpt-4o" }, behaviour: { status: 503 }, times: 1 })).status,
    ).toBe(201);
    expect(await (await control("GET")).json()).toEqual({
      rules: [{ match: { model: "gpt-4o" }, behaviour: { status: 503 }, times: 1 }],
    });
    const statuses = [];
    for (const model of ["gpt-4o-mini", "gpt-4o", "gpt-4o"])
      statuses.push((await send(simulator, chat, body(model))).status);
    expect(statuses).toEqual([200, 503, 200]);
    await control("POST", { behaviour: { status: 503 } });
    expect((await control("DELETE")).status).toBe(204);
    expect((await send(simulator, chat, body())).status).toBe(200);
  });

  it("is not changed by a rule or a header that is wrong", async () => {
    const simulator = await start();
    const answer = await send(simulator, "/_sluice/behaviour", { behaviour: { statos: 503 } });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toEqual({ message: expect.stringContaining('unknown knob "statos"') });
    const refused = await send(simulator, chat, body(), { "x-simulate-statos": "503" });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({
      error: { message: expect.stringContaining('unknown header "x-simulate-statos"') },
    });
  });

  it("takes no knob that does not fit from code either", async () => {
    await expect(start({ behaviour: { status: 200 } })).rejects.toThrow(
      'knob "status" takes a whole number from 400 to 599',
    );
    const simulator = await start({ script: () => ({ chunkBytes: 0 }) });
    expect(() => simulator.behave({ behaviour: { failRate: 2 } })).toThrow(
      'knob "failRate" takes a number from 0 to 1',
    );
    expect(await (await send(simulator, chat, body())).text()).toContain("at least 1, not 0");
  });

  it("tells what its own paths are", async () => {
    const simulator = await start();
    expect(await (await fetch(`${simulator.url}/healthz`)).json()).toEqual({ status: "ok" });
    const answer = await fetch(`${simulator.url}/_sluice/nothing`);
    expect(answer.status).toBe(404);
    expect(await answer.text()).toContain("POST /_sluice/behaviour");
  });

  it("shows a failing script to the client instead of leaving it waiting", async () => {
    const simulator = await start({
      script: () => {
        throw new Error("no such fixture");
      },
    });
    const answer = await send(simulator, chat, body());
    expect(answer.status).toBe(500);
    expect(await answer.text()).toContain("the simulator failed: no such fixture");
  });

  it("is forgotten with the requests on reset", async () => {
    const simulator = await start();
    simulator.behave({ behaviour: { status: 500 } });
    await send(simulator, chat, body());
    simulator.reset();
    expect(simulator.received()).toEqual([]);
    expect((await send(simulator, chat, body())).status).toBe(200);
  });

  it("is the same for the same seed, ids included", async () => {
    const answers = [];
    for (const seed of [1, 1, 2])
      answers.push(await (await send(await start({ seed }), chat, body())).text());
    expect(answers[1]).toBe(answers[0]);
    expect(answers[2]).not.toBe(answers[0]);
  });
});

describe("closing", () => {
  it.each([false, true])(
    "ends idle connections, hanging requests and open streams at once (fast: %s)",
    async (fast) => {
      const simulator = await start({ behaviour: { stallAfterChunks: 1 }, fast });
      const idle = connect(simulator.port, "127.0.0.1");
      const idleClosed = new Promise((resolve) => idle.once("close", resolve));
      idle.on("error", () => {});
      await send(simulator, "/v1/embeddings", {});
      const path = fast ? "/v1/models" : chat;
      const stalled = fast ? undefined : await send(simulator, path, { ...body(), stream: true });
      await simulator.close();
      await idleClosed;
      if (stalled !== undefined) await expect(stalled.text()).rejects.toThrow();
      expect(simulator.received().every(({ aborted }) => !aborted)).toBe(true);
      await expect(fetch(simulator.url)).rejects.toThrow();
      await simulator.close();
    },
  );

  it("leaves nothing that keeps the process alive", async () => {
    const kinds = () =>
      process
        .getActiveResourcesInfo()
        .filter((kind) => /TCP|Timeout/.test(kind))
        .sort();
    const before = kinds();
    const simulator = await startSimulator({ now: () => 0, behaviour: { latencyMs: 60_000 } });
    const socket = connect(simulator.port, "127.0.0.1");
    socket.on("error", () => {});
    socket.write("GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n");
    await expect.poll(() => simulator.received()).toHaveLength(1);
    const closed = new Promise((resolve) => socket.once("close", resolve));
    await simulator.close();
    await closed;
    await expect.poll(() => kinds().length).toBeLessThanOrEqual(before.length);
  });

  it("starts on a taken port with an error that says which", async () => {
    const { port } = await start();
    await expect(startSimulator({ now: () => 0, port })).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port}`,
    );
  });
});
