import { describe, expect, it } from "vitest";
import { createScriptedBody } from "../../test/support/body-streams.ts";
import { getRequest, listenerServices, textReply, useListener } from "../../test/support/listening.ts";
import { openRawClient } from "../../test/support/raw-http.ts";
import { until } from "../../test/support/until.ts";
import { GatewayError } from "../errors.ts";
import { readBody } from "./body.ts";
import { errorReply, listen } from "./listener.ts";
import type { Reply } from "./reply.ts";

const serve = useListener();

describe("an exchange", () => {
  it("has what the client sent: method, path, query, headers, address and body", async () => {
    const { url, exchanges } = await serve(async (exchange) =>
      textReply(await readBody(exchange.request.body, 0, undefined)),
    );
    const answer = await fetch(`${url}/a%20b/c?x=1&y=%3F`, {
      method: "PUT",
      headers: { "X-Thing": "1" },
      body: "hello",
    });
    expect(await answer.text()).toBe("hello");
    expect(exchanges[0]).toMatchObject({
      id: "id-1",
      startedAtMs: 1_700_000_000_000,
      request: { method: "PUT", path: "/a%20b/c", query: "x=1&y=%3F", clientIp: "127.0.0.1" },
    });
    expect(exchanges[0]?.request.headers["x-thing"]).toBe("1");
  });

  it("has an empty query where there is none, and the path of a full URL", async () => {
    const { port, exchanges } = await serve(async () => textReply("ok"));
    const client = await openRawClient(port);
    client.send(getRequest("/plain"));
    await client.receives(/ok/);
    client.send(getRequest("http://elsewhere/path?q=1"));
    await client.receives(/ok[\s\S]*ok/);
    expect(exchanges.map(({ request }) => [request.path, request.query])).toEqual([
      ["/plain", ""],
      ["/path", "q=1"],
    ]);
    client.socket.destroy();
  });
});

describe("a whole reply", () => {
  it("is sent with its length, over a connection that stays open", async () => {
    const { port, ended } = await serve(async () => textReply("grüße", { "x-a": "1" }));
    const client = await openRawClient(port);
    client.send(getRequest());
    await client.receives(/gr/);
    client.send(getRequest());
    const received = await client.receives(/gr[\s\S]*gr/);
    expect(received).toMatch(/^HTTP\/1.1 200 OK\r\nx-a: 1\r\ncontent-length: 7\r\n/);
    await until(() => ended.length === 2);
    expect(ended[0]).toMatchObject({ status: 200, bytesSent: 7, clientAborted: false, error: undefined });
    expect(client.isClosed).toBe(false);
    client.socket.destroy();
  });

  it("answers HEAD with the length and no body, and counts none", async () => {
    const { port, ended } = await serve(async () => textReply("hello"));
    const client = await openRawClient(port);
    client.send("HEAD / HTTP/1.1\r\nhost: x\r\n\r\n");
    const received = await client.receives(/\r\n\r\n/);
    expect(received).toContain("content-length: 5\r\n");
    client.send("HEAD / HTTP/1.1\r\nhost: x\r\n\r\n");
    expect(await client.receives(/\r\n\r\nHTTP[\s\S]*\r\n\r\n/)).not.toContain("hello");
    await until(() => ended.length === 2);
    expect(ended[0]).toMatchObject({ bytesSent: 0, clientAborted: false });
    client.socket.destroy();
  });

  it.each([204, 304])("has neither body nor length with status %i", async (status) => {
    const { port } = await serve(async () => textReply("ignored", {}, status));
    const client = await openRawClient(port);
    client.send(getRequest("/", "connection: close\r\n"));
    await client.closed();
    expect(client.received).not.toContain("ignored");
    expect(client.received).not.toContain("content-length");
  });
});

describe("an error", () => {
  it("of the table is sent as its row says", async () => {
    const { url, ended } = await serve(async () => {
      throw new GatewayError("no_prompt");
    });
    const answer = await fetch(url);
    expect(answer.status).toBe(400);
    expect(answer.headers.get("content-type")).toBe("application/json; charset=utf-8");
    expect(await answer.json()).toEqual({
      error: {
        message: "request body doesn't contain valid prompts",
        type: "invalid_request_error",
        code: "no_prompt",
        request_id: "id-1",
      },
    });
    await until(() => ended.length === 1);
    expect(ended[0]?.error).toBeInstanceOf(GatewayError);
  });

  it("that nobody foresaw tells the client nothing of itself", async () => {
    const { url, ended } = await serve(async () => {
      throw new Error("password=hunter2");
    });
    const answer = await fetch(url);
    expect(answer.status).toBe(500);
    expect(await answer.json()).toEqual({ message: "An unexpected error occurred", request_id: "id-1" });
    await until(() => ended.length === 1);
    expect(ended[0]?.error?.cause).toMatchObject({ message: "password=hunter2" });
  });

  it("may say when to try again, in whole seconds", () => {
    const reply = errorReply(
      new GatewayError("no_healthy_target", { reason: "x" }, { retryAfterSeconds: 1.2 }),
      "id",
    );
    expect(reply.headers["retry-after"]).toBe("2");
    expect(errorReply(new GatewayError("no_route"), "id").headers).not.toHaveProperty("retry-after");
  });

  it("passes by whoever adds headers to it", async () => {
    const { url } = await serve(() => Promise.reject(new GatewayError("no_route")), {
      rejectHeaders: (reply, exchange) => {
        reply.headers["x-id"] = exchange.id;
      },
    });
    expect((await fetch(url)).headers.get("x-id")).toBe("id-1");
  });

  it("in a reply's own headers is a 500, and the process lives on", async () => {
    const body = createScriptedBody();
    const replies = [
      textReply("x", { "x-bad": "line\nbreak" }),
      textReply(body, { "x-bad": "\u4f60" }),
      textReply("fine"),
    ];
    const { url, ended } = await serve(async () => replies.shift() ?? textReply("none left"));
    expect((await fetch(url)).status).toBe(500);
    expect((await fetch(url)).status).toBe(500);
    expect(body.cancelled).toBeInstanceOf(Error);
    expect(await (await fetch(url)).text()).toBe("fine");
    await until(() => ended.length === 3);
    expect(ended.map(({ status, error }) => [status, error !== undefined])).toEqual([
      [500, true],
      [500, true],
      [200, false],
    ]);
  });

  it("while a body is started closes the connection, and the process lives on", async () => {
    const broken: Reply["body"] = {
      start() {
        throw new Error("cannot start");
      },
    };
    const replies = [textReply(broken), textReply("fine")];
    const { url, ended } = await serve(async () => replies.shift() ?? textReply("none left"));
    await expect(fetch(url)).rejects.toThrow();
    await until(() => ended.length === 1);
    expect(ended[0]).toMatchObject({ clientAborted: false });
    expect(await (await fetch(url)).text()).toBe("fine");
  });
});

describe("a streamed reply", () => {
  it("reaches the client write by write", async () => {
    const body = createScriptedBody();
    const { port, ended } = await serve(async () => textReply(body));
    const client = await openRawClient(port);
    client.send(getRequest());
    await client.receives(/\r\n\r\n/); // the head comes before the first write
    body.write("one;");
    await client.receives(/one;/);
    body.write(Buffer.from("two;"));
    await client.receives(/two;/);
    body.end();
    await client.receives(/\r\n0\r\n\r\n/);
    await until(() => ended.length === 1);
    expect(ended[0]).toMatchObject({ status: 200, bytesSent: 8, clientAborted: false });
    client.socket.destroy();
  });

  it("stops for a client that does not read, and goes on when it does", async () => {
    const body = createScriptedBody();
    const { port } = await serve(async () => textReply(body));
    const client = await openRawClient(port);
    client.socket.pause();
    client.send(getRequest());
    await until(() => body.isStarted);
    let written = 0;
    while (body.write(Buffer.alloc(64 * 1024))) {
      written++;
      await new Promise((resolve) => setImmediate(resolve));
      expect(written).toBeLessThan(2000); // 128 MiB: the kernel's buffers are long full
    }
    expect(body.resumes).toBe(0);
    client.socket.resume();
    await until(() => body.resumes > 0);
    body.end();
    client.socket.destroy();
  });

  it("that fails is cut, so that the client sees it, and the client is not blamed", async () => {
    const body = createScriptedBody();
    const { port, ended, exchanges } = await serve(async () => textReply(body));
    const client = await openRawClient(port);
    client.send(getRequest());
    await until(() => body.isStarted);
    body.write("half");
    await client.receives(/half/);
    const [exchange] = exchanges;
    const signal = exchange?.signal;
    body.fail(new Error("upstream broke"));
    await client.closed();
    expect(client.received).not.toMatch(/\r\n0\r\n\r\n/);
    await until(() => ended.length === 1);
    expect(ended[0]).toMatchObject({ status: 200, bytesSent: 4, clientAborted: false });
    expect(signal?.aborted).toBe(false);
  });
});

describe("opening a listener", () => {
  it("names the address that it cannot have", async () => {
    const { listener: opened } = await serve(async () => textReply("ok"));
    const again = listen(
      { host: "127.0.0.1", port: opened.port },
      { handle: async () => textReply("x") },
      listenerServices,
    );
    await expect(again).rejects.toThrow(`cannot listen on 127.0.0.1:${opened.port}: `);
  });
});

it("counts connections and requests", async () => {
  const { port, listener } = await serve(async () => textReply("ok"));
  const clients = [await openRawClient(port), await openRawClient(port)];
  for (const client of clients) {
    client.send(getRequest());
    await client.receives(/ok/);
  }
  clients[0]?.send(getRequest());
  await clients[0]?.receives(/ok[\s\S]*ok/);
  expect(listener.traffic).toEqual({ accepted: 2, open: 2, requests: 3 });
  clients[1]?.socket.destroy();
  await until(() => listener.traffic.open === 1);
  clients[0]?.socket.destroy();
  await until(() => listener.traffic.open === 0);
  expect(listener.traffic).toEqual({ accepted: 2, open: 0, requests: 3 });
});
