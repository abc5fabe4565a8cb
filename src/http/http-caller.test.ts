import { readFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createFakeClock, settled } from "../../test/support/fake-clock.ts";
import { HttpCallError, type HttpCallRequest } from "./http-call.ts";
import { createHttpCaller, type HttpCaller } from "./http-caller.ts";

let server: Server;
let answer: RequestListener;
let connections: number;
let http: HttpCaller;
const clock = createFakeClock();

beforeEach(async () => {
  connections = 0;
  answer = (_, response) => response.end("{}");
  server = createServer((request, response) => answer(request, response));
  server.on("connection", () => connections++);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  http = createHttpCaller({ maxAnswerBytes: 1000, schedule: clock.schedule });
});

afterEach(async () => {
  await http.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function call(overrides: Partial<HttpCallRequest> = {}): HttpCallRequest {
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1/embeddings`,
    headers: { "content-type": "application/json", authorization: "Bearer secret" },
    body: '{"input":["my prompt"]}',
    signal: new AbortController().signal,
    timeoutMs: 1000,
    ...overrides,
  };
}

async function failure(promise: Promise<unknown>): Promise<HttpCallError> {
  const error = await promise.catch((thrown: unknown) => thrown);
  if (!(error instanceof HttpCallError)) throw new Error(`expected an HttpCallError, got ${error}`);
  expect(error.message).not.toMatch(/secret|my prompt/);
  return error;
}

describe("createHttpCaller", () => {
  it("keeps connections of another kind apart, and for later calls too", async () => {
    const connection = { trustsAnyCertificate: false, idleMs: 60_000 };
    await http.call(call());
    expect(connections).toBe(1);
    for (let at = 0; at < 6; at++) await http.call(call({ method: "PATCH", connection }));
    expect(connections).toBeGreaterThan(1);
    expect(connections).toBeLessThanOrEqual(3);
  });

  it("believes a host's certificate only where it is told to", async () => {
    const tls = (name: string) => readFileSync(new URL(`../../test/fixtures/tls/${name}`, import.meta.url));
    const secure = createSecureServer({ key: tls("server.key"), cert: tls("server.crt") }, (_, response) =>
      response.end("{}"),
    );
    await new Promise<void>((resolve) => secure.listen(0, "127.0.0.1", resolve));
    const url = `https://127.0.0.1:${(secure.address() as AddressInfo).port}/`;
    const to = (trustsAnyCertificate: boolean) =>
      call({ url, connection: { trustsAnyCertificate, idleMs: 1_000 } });
    expect((await failure(http.call(to(false)))).kind).toBe("connection");
    expect((await http.call(to(true))).status).toBe(200);
    secure.closeAllConnections();
    await new Promise((resolve) => secure.close(resolve));
  });

  it("posts and answers status, headers and body, whatever the status", async () => {
    let received = "";
    answer = (request, response) => {
      request.setEncoding("utf8");
      request.on("data", (chunk: string) => (received += chunk));
      request.on("end", () => {
        response.writeHead(429, { "retry-after": "3", "x-request-id": "r1", "set-cookie": ["a", "b"] });
        response.end(`${request.method} ${request.url} ${request.headers.authorization} é`);
      });
    };
    const result = await http.call(call());
    expect(result.status).toBe(429);
    expect(result.headers).toMatchObject({ "retry-after": "3", "x-request-id": "r1", "set-cookie": "a, b" });
    expect(result.body).toBe("POST /v1/embeddings Bearer secret é");
    expect(received).toBe('{"input":["my prompt"]}');
    expect(clock.timers).toBe(0);
  });

  it("keeps its connections for later calls", async () => {
    for (let i = 0; i < 20; i++) await http.call(call());
    // A call sent in the very turn in which the last one ended may open a second.
    expect(connections).toBeLessThanOrEqual(2);
  });

  it("sends again, once, when a kept connection turns out to be dead", async () => {
    let calls = 0;
    answer = (request, response) => {
      calls++;
      if (calls === 2) request.socket.destroy();
      else response.end("{}");
    };
    await http.call(call());
    expect((await http.call(call())).status).toBe(200);
    expect(calls).toBe(3);
    answer = (request) => request.socket.destroy();
    expect(await failure(http.call(call()))).toMatchObject({ kind: "connection" });
  });

  it("gives up at the deadline, before the head or within the body, and closes the connection", async () => {
    const closed: Promise<void>[] = [];
    for (const begin of [false, true]) {
      const arrived = new Promise<void>((arrive) => {
        answer = (request, response) => {
          closed.push(new Promise((resolve) => request.socket.on("close", () => resolve())));
          if (begin) response.write("{");
          arrive();
        };
      });
      const late = failure(http.call(call()));
      await arrived;
      await settled();
      await clock.advance(1000);
      expect(await late).toMatchObject({
        kind: "timeout",
        message: "no answer within 1000 ms",
      });
    }
    await Promise.all(closed);
    expect(clock.timers).toBe(0);
  });

  it("stops when its caller leaves, and closes the connection", async () => {
    const caller = new AbortController();
    const closed = new Promise<void>((resolve) => {
      answer = (request) => {
        request.socket.on("close", () => resolve());
        caller.abort();
      };
    });
    expect((await failure(http.call(call({ signal: caller.signal })))).kind).toBe("aborted");
    await closed;
    expect((await failure(http.call(call({ signal: AbortSignal.abort() })))).kind).toBe("aborted");
    expect(clock.timers).toBe(0);
  });

  it("refuses an answer beyond its bound without reading it all", async () => {
    answer = (_, response) => response.end("x".repeat(1001));
    expect(await failure(http.call(call()))).toMatchObject({ kind: "answer" });
    answer = (_, response) => response.end("x".repeat(1000));
    expect((await http.call(call())).body).toHaveLength(1000);
  });

  it("refuses an encoding it did not ask for", async () => {
    answer = (_, response) => {
      response.setHeader("content-encoding", "gzip");
      response.end(gzipSync("{}"));
    };
    expect((await failure(http.call(call()))).message).toContain("gzip");
  });

  it("reports an answer that is cut", async () => {
    answer = (request, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("{", () => request.socket.destroy());
    };
    expect(await failure(http.call(call()))).toMatchObject({ kind: "connection" });
  });

  it("says that nobody listens", async () => {
    const gone = call();
    await new Promise((resolve) => server.close(resolve));
    const error = await failure(http.call(gone));
    expect(error).toMatchObject({ kind: "connection" });
    expect(error.message).toContain("ECONNREFUSED");
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });

  it("ends calls under way when it is closed", async () => {
    const arrived = new Promise<void>((arrive) => {
      answer = () => arrive();
    });
    const lost = failure(http.call(call()));
    await arrived;
    await http.close();
    expect((await lost).kind).toBe("connection");
  });
});
