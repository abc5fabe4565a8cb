/** What a plain reverse proxy does with answers and uploads: byte by byte, at the reader's pace, cut when cut. */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { request } from "undici";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { type Stack, startStack, until } from "../support/gateway.ts";
import { proxyConfig } from "../support/gateway-config.ts";
import { startRawUpstream, startUpstream, type Upstream } from "../support/http-upstream.ts";
import { openStream } from "../support/stream-client.ts";

describe("an answer", () => {
  let upstream: Upstream;
  let stack: Stack;
  let respond: RequestListener;

  beforeAll(async () => {
    upstream = await startUpstream((incoming, response) => respond(incoming, response));
    stack = await startStack({ config: proxyConfig({ url: upstream.url, read_timeout: 1_000 }) });
  });
  afterAll(async () => {
    await stack.close();
    await upstream.close();
  });
  const get = (method = "GET") => stack.send({ path: "/api", method });

  it("comes with its status and headers, repeated ones too, and Kong's about the way", async () => {
    respond = (_incoming, response) => {
      response.writeHead(418, "Teapot", [
        "Set-Cookie",
        "a=1",
        "Set-Cookie",
        "b=2",
        "X-Own",
        "yes",
        "Content-Type",
        "text/x-tea",
        "Keep-Alive",
        "timeout=9",
      ]);
      response.end("short and stout");
    };
    const answer = await get();
    expect(answer).toMatchObject({ status: 418, text: "short and stout" });
    expect(answer.headers).toMatchObject({
      "set-cookie": ["a=1", "b=2"],
      "x-own": "yes",
      "content-type": "text/x-tea",
      via: expect.stringMatching(/^1\.1 sluice\/\d+\.\d+\.\d+$/),
      "x-kong-upstream-latency": expect.stringMatching(/^\d+$/),
      "x-kong-proxy-latency": expect.stringMatching(/^\d+$/),
    });
    expect(answer.headers["keep-alive"]).not.toBe("timeout=9");
  });

  it("to HEAD has the length and no body", async () => {
    respond = (_incoming, response) => response.setHeader("content-length", "1234").end();
    const answer = await get("HEAD");
    expect(answer.headers["content-length"]).toBe("1234");
    expect(answer.text).toBe("");
    expect((await get("HEAD")).status).toBe(200);
  });

  it.each([204, 304])("of %i has no body and no length of one", async (status) => {
    respond = (_incoming, response) => response.writeHead(status, { etag: '"1"' }).end();
    const answer = await get();
    expect(answer).toMatchObject({ status, text: "" });
    expect(answer.headers["etag"]).toBe('"1"');
    expect(answer.headers["transfer-encoding"]).toBeUndefined();
    expect((await get()).status).toBe(status);
  });

  it("that is compressed stays as it is", async () => {
    const bytes = gzipSync("compressed by the upstream");
    respond = (_incoming, response) => response.setHeader("content-encoding", "gzip").end(bytes);
    const answer = await request(`${stack.url}/api`);
    expect(answer.headers["content-encoding"]).toBe("gzip");
    expect(Buffer.from(await answer.body.arrayBuffer())).toEqual(bytes);
  });

  it("that is long and binary arrives whole", async () => {
    const bytes = randomBytes(20 * 1024 * 1024);
    respond = (_incoming, response) => response.end(bytes);
    const answer = await request(`${stack.url}/api`);
    const hash = createHash("sha256");
    for await (const chunk of answer.body as AsyncIterable<Buffer>) hash.update(chunk);
    expect(hash.digest("hex")).toBe(createHash("sha256").update(bytes).digest("hex"));
    expect(answer.headers["content-length"]).toBe(String(bytes.length));
  });

  it("goes on to the client as it comes", async () => {
    let out: ServerResponse | undefined;
    respond = (_incoming, response) => {
      out = response;
      response.flushHeaders();
    };
    const answer = await openStream(`${stack.url}/api`, {});
    for (const piece of ["one", "two"]) {
      out?.write(piece);
      expect(await answer.next()).toBe(piece);
    }
    out?.end();
    expect(await answer.rest()).toEqual({ text: "", complete: true });
  });

  it.each([
    ["of known length", { "content-length": "100" }],
    ["in chunks", {}],
  ])("%s that is cut is cut for the client, too", async (_name, headers) => {
    respond = (_incoming, response) => {
      response.writeHead(200, headers);
      response.write("half", () => response.destroy());
    };
    const answer = await openStream(`${stack.url}/api`, {});
    expect(await answer.rest()).toEqual({ text: "half", complete: false });
  });

  it("before the request has been read to its end reaches the client, whose next request is served, too", async () => {
    respond = (incoming, response) => {
      if (incoming.method === "GET") response.end("next");
      else incoming.once("data", () => response.writeHead(401).end("no"));
    };
    const socket = connect(stack.gateway.port, "127.0.0.1");
    let text = "";
    socket.on("data", (part: Buffer) => {
      text += part.toString();
    });
    const bytes = 4 * 1024 * 1024;
    socket.write(`POST /api HTTP/1.1\r\nhost: a\r\ncontent-length: ${bytes}\r\n\r\n`);
    socket.write(Buffer.alloc(bytes / 2));
    await until(() => text.includes("HTTP/1.1 401"), "the early answer");
    socket.write(Buffer.alloc(bytes / 2));
    socket.write("GET /api HTTP/1.1\r\nhost: a\r\n\r\n");
    await until(() => text.includes("next"), "the next answer");
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 401", "HTTP/1.1 200"]);
    socket.destroy();
  });

  it("that does not come is a 504 after read_timeout", async () => {
    respond = () => undefined;
    const answer = await get();
    expect(answer.status).toBe(504);
    expect(answer.json()).toMatchObject({ error: { code: "upstream_timeout" } });
  });

  it("nobody waits for any more is not asked for any more", async () => {
    let incoming: IncomingMessage | undefined;
    respond = (arrived) => {
      incoming = arrived;
    };
    const leaving = new AbortController();
    const asking = stack.send({ path: "/api", method: "GET", signal: leaving.signal });
    await until(() => incoming !== undefined, "the upstream is asked");
    leaving.abort();
    await expect(asking).rejects.toThrow();
    await until(() => incoming?.destroyed === true, "the upstream is told");
  });
});

describe("an upload", () => {
  let upstream: Upstream | undefined;
  let stack: Stack;
  beforeEach(() => {
    upstream = undefined;
  });
  afterEach(async () => {
    await stack.close();
    await upstream?.close();
  });

  it("of 30 MB arrives whole", async () => {
    upstream = await startUpstream(async (incoming, response) => {
      const hash = createHash("sha256");
      for await (const chunk of incoming as AsyncIterable<Buffer>) hash.update(chunk);
      response.end(hash.digest("hex"));
    });
    stack = await startStack({ config: proxyConfig({ url: upstream.url }) });
    const bytes = randomBytes(30 * 1024 * 1024);
    const answer = await stack.send({ path: "/api", method: "PUT", body: bytes });
    expect(answer.text).toBe(createHash("sha256").update(bytes).digest("hex"));
  });

  it("that the client breaks off is broken off for the upstream", async () => {
    let outcome: "open" | "ended" | "cut" = "open";
    upstream = await startUpstream((incoming) => {
      incoming.resume();
      incoming.on("end", () => {
        outcome = "ended";
      });
      incoming.on("close", () => {
        if (!incoming.complete) outcome = "cut";
      });
    });
    stack = await startStack({ config: proxyConfig({ url: upstream.url }) });
    const socket = connect(stack.gateway.port, "127.0.0.1");
    socket.write("POST /api HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\nonly a beginning");
    await until(() => stack.gateway.running === 1, "the request is on its way");
    socket.destroy();
    await until(() => outcome === "cut", "the upstream sees the cut");
    await until(() => stack.records.length === 1, "the record");
    expect(stack.records[0]).toMatchObject({ client_aborted: true, response: { status: 499 } });
    expect(stack.log.filter(({ level }) => level === "error")).toEqual([]);
  });

  it.each([
    ["nobody listens", async () => `http://127.0.0.1:${await freePort()}`, 502, "upstream_unreachable"],
    ["its name is unknown", async () => `http://${"n".repeat(64)}.test`, 503, "name_resolution"],
  ])("to an upstream where %s is told so", async (_name, url, status, code) => {
    stack = await startStack({ config: proxyConfig({ url: await url() }) });
    for (const body of [undefined, "small", Buffer.alloc(2 * 1024 * 1024)]) {
      const answer = await stack.send({ path: "/api", body });
      expect(answer.status).toBe(status);
      expect(answer.json()).toMatchObject({ error: { code } });
    }
  });

  it("to an upstream where nobody listens may be broken off, too", async () => {
    stack = await startStack({ config: proxyConfig({ url: `http://127.0.0.1:${await freePort()}` }) });
    const socket = connect(stack.gateway.port, "127.0.0.1");
    socket.write("POST /api HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\nonly a beginning");
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 502 /);
    socket.resetAndDestroy();
    await until(() => stack.gateway.running === 0, "the request is over");
    expect((await stack.send({ path: "/elsewhere", method: "GET" })).status).toBe(404);
  });

  it("to an upstream that resets is a 502, and is not sent twice", async () => {
    let connections = 0;
    upstream = await startUpstream((incoming) => {
      connections++;
      incoming.socket.resetAndDestroy();
    });
    stack = await startStack({ config: proxyConfig({ url: upstream.url }) });
    const answer = await stack.send({ path: "/api", body: "once" });
    expect(answer.status).toBe(502);
    expect(connections).toBe(1);
  });

  it("to an upstream that does not speak HTTP is a 502", async () => {
    upstream = await startRawUpstream("SSH-2.0-OpenSSH_9.6\r\n");
    stack = await startStack({ config: proxyConfig({ url: upstream.url }) });
    const answer = await stack.send({ path: "/api", body: "hello" });
    expect(answer.status).toBe(502);
    expect((await answer.record()).tries).toMatchObject([{ failure: "invalid_header" }]);
  });
});
