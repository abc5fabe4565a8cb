/** A route without an AI plugin is a plain reverse proxy: what of a request arrives at its service. */
import { once } from "node:events";
import type { RequestListener } from "node:http";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Stack, startStack } from "../support/gateway.ts";
import type { ConfigObject } from "../support/gateway-config.ts";
import { bodyOf, startUpstream, type Upstream } from "../support/http-upstream.ts";

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
