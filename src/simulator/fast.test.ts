import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Behaviour } from "./behaviour.ts";
import { type Simulator, startSimulator } from "./simulator.ts";

const paths = ["/v1/chat/completions", "/v1/messages"];
const waits: number[] = [];

function start(behaviour: Behaviour = {}): Promise<Simulator> {
  const sleep = async (ms: number) => {
    waits.push(ms);
  };
  return startSimulator({ now: () => 0, fast: true, apiKey: "unchecked", behaviour, sleep });
}

function countContent(body: string): number {
  return body.split("\n\n").filter((event) => /"delta":\{("type":"text_delta"|"content":"[^"])/.test(event))
    .length;
}

/** Sends bytes as they are and collects what comes until the connection closes. */
function talk(port: number, pieces: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("close", () => resolve(Buffer.concat(chunks).toString()));
    socket.on("error", reject);
    const next = (index: number): void => {
      const piece = pieces[index];
      if (piece !== undefined) socket.write(piece, () => setImmediate(next, index + 1));
    };
    next(0);
  });
}

function http(path: string, body: string, ...headers: string[]): string {
  const lines = [
    `POST ${path} HTTP/1.1`,
    "Host: x",
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...headers,
  ];
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}

describe.each([
  ["straight from the socket", {}],
  ["paced, by node:http", { latencyMs: 5, perTokenMs: 1 }],
])("the fast mode, %s", (_, behaviour) => {
  let simulator: Simulator;
  beforeAll(async () => {
    simulator = await start(behaviour);
  });
  afterAll(() => simulator.close());

  it.each(paths)("answers %s with 1 KB of JSON whatever is asked", async (path) => {
    const answer = await fetch(`${simulator.url}${path}`, { method: "POST", body: "not even JSON" });
    expect(answer.headers.get("content-type")).toBe("application/json");
    const bytes = await answer.arrayBuffer();
    expect(bytes.byteLength).toBe(1024);
    expect(JSON.parse(Buffer.from(bytes).toString())).toHaveProperty("usage");
  });

  it.each(paths)("streams 50 chunks of content on %s", async (path) => {
    for (const body of ['{"stream":true}', '{"model":"x","stream": true,"messages":[]}']) {
      const answer = await fetch(`${simulator.url}${path}`, { method: "POST", body });
      expect(answer.headers.get("content-type")).toContain("text/event-stream");
      expect(countContent(await answer.text())).toBe(50);
    }
  });

  it("does not take a prompt for the stream switch", async () => {
    const body = JSON.stringify({ messages: [{ role: "user", content: 'Say {"stream":true}' }] });
    const answer = await fetch(`${simulator.url}${paths[0]}`, { method: "POST", body });
    expect(answer.headers.get("content-type")).toBe("application/json");
  });

  it("leaves every other path to the ordinary way, on the same connection", async () => {
    const body = "{}";
    const answers = await talk(simulator.port, [
      http("/v1/chat/completions", body),
      "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
      http("/v1/embeddings", body),
      http("/v1/chat/completions", '{"stream":true}', "Connection: close"),
    ]);
    expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual([
      "HTTP/1.1 200",
      "HTTP/1.1 200",
      "HTTP/1.1 401",
      "HTTP/1.1 200",
    ]);
    expect(answers).toContain('{"status":"ok"}');
    expect(countContent(answers.replace(/\r\n[0-9a-f]+\r\n/g, "\n"))).toBe(50);
    expect(simulator.received().map(({ path }) => path)).toEqual(["/v1/embeddings"]);
  });

  it("takes bodies in chunked encoding", async () => {
    const request =
      "POST /v1/messages HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    expect(await talk(simulator.port, [request])).toMatch(/^HTTP\/1\.1 200 OK/);
  });
});

describe("the fast mode on a socket", () => {
  it("reads requests cut at every place, and several at once", async () => {
    const simulator = await start();
    const request = http("/v1/chat/completions", '{"model":"é"}');
    const last = http("/v1/chat/completions", "{}", "Connection: close");
    for (let cut = 1; cut < request.length; cut += 3) {
      const answers = await talk(simulator.port, [
        request.slice(0, cut),
        request.slice(cut) + request + last,
      ]);
      expect(answers.match(/HTTP\/1\.1 200/g)).toHaveLength(3);
    }
    await simulator.close();
  });

  it("waits as it is told when it is paced", async () => {
    const simulator = await start({ latencyMs: 7, perTokenMs: 2 });
    waits.length = 0;
    await (await fetch(`${simulator.url}${paths[0]}`, { method: "POST", body: '{"stream":true}' })).text();
    expect(waits[0]).toBe(7);
    expect(waits.slice(1)).toHaveLength(50);
    expect(waits.reduce((sum, ms) => sum + ms, 0)).toBe(7 + 2 * 99);
    await simulator.close();
  });
});
