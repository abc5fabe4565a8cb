/** A route without an AI plugin: a plain reverse proxy, byte by byte in both directions. */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { request } from "undici";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Stack, startStack, until } from "../support/gateway.ts";
import { type ConfigObject, proxyConfig } from "../support/gateway-config.ts";
import {
  bodyOf,
  closedPort,
  startRawUpstream,
  startUpstream,
  type Upstream,
} from "../support/http-upstream.ts";
import { openStream } from "../support/stream-client.ts";

/** What the upstream saw of a request. */
interface Echo {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const echo: RequestListener = async (incoming, response) => {
  const body = (await bodyOf(incoming)).toString();
  const { method, url, headers } = incoming;
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ method, url, headers, body }));
};

/** Says bytes that no client library would, and reads until the gateway closes. */
async function sayRaw({ gateway }: Stack, head: string, body = ""): Promise<{ head: string; body: string }> {
  const socket = connect(gateway.port, "127.0.0.1");
  let text = "";
  socket.on("data", (part: Buffer) => {
    text += part.toString();
  });
  socket.write(`${head}\r\n\r\n${body}`);
  await once(socket, "close");
  const end = text.indexOf("\r\n\r\n");
  return { head: text.slice(0, end), body: text.slice(end + 4) };
}

describe("a request", () => {
  let upstream: Upstream;
  let stack: Stack;

  beforeAll(async () => {
    upstream = await startUpstream(echo);
    const route = (name: string, more: ConfigObject) => ({ name, paths: [`/${name}`], ...more });
    stack = await startStack({
      config: {
        _format_version: "3.0",
        services: [
          {
            name: "bare",
            url: upstream.url,
            routes: [
              route("strip", {}),
              route("keep", { strip_path: false }),
              route("host", { preserve_host: true }),
              route("read", { methods: ["GET", "HEAD"] }),
              route("regex", { paths: ["~/regex/(?<id>\\d+)$"], strip_path: false }),
            ],
          },
          { name: "based", url: `${upstream.url}/base/`, routes: [route("based", {})] },
        ],
      },
    });
  });
  afterAll(async () => {
    await stack.close();
    await upstream.close();
  });

  const seen = async (...call: Parameters<Stack["send"]>): Promise<Echo> =>
    (await stack.send(...call)).json() as unknown as Echo; // what `echo` answers

  it.each(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])(
    "by %s arrives as it is",
    async (method) => {
      const body = method === "GET" ? undefined : "some text";
      const arrived = await seen({
        path: "/strip/a",
        method,
        body,
        headers: { "content-type": "text/plain" },
      });
      expect(arrived).toMatchObject({ method, url: "/a", body: body ?? "" });
      expect(arrived.headers["transfer-encoding"]).toBeUndefined();
      expect(arrived.headers["content-length"]).toBe(body === undefined ? undefined : "9");
    },
  );

  it.each([
    ["/strip", "/"],
    ["/strip/", "/"],
    ["/strip/a/b", "/a/b"],
    ["/strip/a?x=1&y=%20&x=2", "/a?x=1&y=%20&x=2"],
    ["/strip?x", "/?x"],
    ["/strip/a%2Fb", "/a%2Fb"],
    ["/strip/../keep/x", "/keep/x"],
    ["/keep/a", "/keep/a"],
    ["/based/a", "/base/a"],
    ["/regex/17", "/regex/17"],
  ])("for %s asks the upstream for %s", async (path, url) => {
    expect((await seen({ path, method: "GET" })).url).toBe(url);
  });

  it("on a route of other methods is not its business", async () => {
    const answer = await stack.send({ path: "/read/a", method: "POST", body: "x" });
    expect(answer.status).toBe(404);
    expect((await seen({ path: "/read/a", method: "GET" })).method).toBe("GET");
  });

  it("tells who asked and how, and not what concerns the client's connection alone", async () => {
    const { body } = await sayRaw(
      stack,
      [
        "GET /strip HTTP/1.1",
        "Host: shop.example:8443",
        "X-Forwarded-For: 203.0.113.9",
        "X-Forwarded-Proto: https",
        "Connection: close, X-Hop",
        "X-Hop: 1",
        "TE: trailers",
        "Proxy-Authorization: Basic secret",
        "User-Agent: test/1",
        "Authorization: Bearer for-the-upstream",
        "Cookie: a=1; b=2",
      ].join("\r\n"),
    );
    const { headers } = JSON.parse(body) as Echo;
    expect(headers).toMatchObject({
      host: `127.0.0.1:${upstream.port}`,
      "x-forwarded-for": "203.0.113.9, 127.0.0.1",
      "x-forwarded-proto": "http",
      "x-forwarded-host": "shop.example",
      "x-forwarded-port": "8443",
      "x-real-ip": "127.0.0.1",
      "user-agent": "test/1",
      authorization: "Bearer for-the-upstream",
      cookie: "a=1; b=2",
    });
    for (const name of ["x-hop", "te", "proxy-authorization"]) expect(headers[name]).toBeUndefined();
  });

  it("keeps the client's Host where the route says so", async () => {
    const { headers } = await seen({ path: "/host", method: "GET", headers: { host: "shop.example" } });
    expect(headers["host"]).toBe("shop.example");
  });

  it("that comes in chunks arrives whole", async () => {
    const { body } = await sayRaw(
      stack,
      "POST /strip HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nconnection: close",
      "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
    );
    expect(JSON.parse(body)).toMatchObject({ body: "hello world" });
  });

  it("with Content-Length and Transfer-Encoding at once cannot smuggle a second one", async () => {
    const { head, body } = await sayRaw(
      stack,
      "POST /strip HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ntransfer-encoding: chunked",
      "0\r\n\r\nGET /keep/smuggled HTTP/1.1\r\nhost: a\r\n\r\n",
    );
    expect(head).toMatch(/^HTTP\/1\.1 400 /);
    expect(body).not.toContain("smuggled");
  });

  it("leaves a record of the upstream that answered", async () => {
    const record = await (await stack.send({ path: "/based/a?token=secret&b=1", method: "GET" })).record();
    expect(record).toMatchObject({
      request: { method: "GET", uri: "/based/a", querystring: { token: "[redacted]", b: "1" } },
      service: { name: "based" },
      route: { name: "based" },
      upstream_status: 200,
      upstream_uri: "/base/a",
      tries: [{ ip: "127.0.0.1", port: upstream.port, status: 200 }],
      source: "upstream",
    });
    expect(record.ai).toBeUndefined();
    expect(JSON.stringify(record)).not.toContain("secret");
  });
});

describe("an answer", () => {
  let upstream: Upstream;
  let stack: Stack;
  let respond: RequestListener;

  beforeAll(async () => {
    upstream = await startUpstream((incoming, response) => respond(incoming, response));
    stack = await startStack({ config: proxyConfig({ url: upstream.url, read_timeout: 300 }) });
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
      via: "1.1 sluice/0.1",
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

  it("before the request has been read to its end reaches the client", async () => {
    respond = (incoming, response) => {
      incoming.once("data", () => response.writeHead(401).end("no"));
    };
    const answer = await stack.send({ path: "/api", body: Buffer.alloc(3 * 1024 * 1024) });
    expect(answer).toMatchObject({ status: 401, text: "no" });
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
    ["nobody listens", async () => `http://127.0.0.1:${await closedPort()}`, 502, "upstream_unreachable"],
    ["its name is unknown", async () => `http://${"n".repeat(64)}.test`, 503, "name_resolution"],
  ])("to an upstream where %s is told so", async (_name, url, status, code) => {
    stack = await startStack({ config: proxyConfig({ url: await url() }) });
    for (const body of [undefined, "small", Buffer.alloc(2 * 1024 * 1024)]) {
      const answer = await stack.send({ path: "/api", body });
      expect(answer.status).toBe(status);
      expect(answer.json()).toMatchObject({ error: { code } });
    }
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
