import { afterEach, describe, expect, it } from "vitest";
import { createScriptedBody } from "../../test/support/body-streams.ts";
import { openRawClient } from "../../test/support/raw-http.ts";
import { until } from "../../test/support/until.ts";
import { GatewayError } from "../errors.ts";
import { readBody } from "./body.ts";
import type { Exchange } from "./exchange.ts";
import { type ExchangeEnd, errorReply, type Listener, type ListenerHandler, listen } from "./listener.ts";
import type { Reply } from "./reply.ts";

const services = { now: () => performance.now(), wallClock: () => 1_700_000_000_000, newId: () => "id-1" };

let listener: Listener | undefined;
afterEach(() => listener?.close(0));

interface Ended extends ExchangeEnd {
  readonly error: Error | undefined;
}

/** A listener with this handler; `ended` collects how exchanges ended. */
async function serve(handle: ListenerHandler["handle"], more: Partial<ListenerHandler> = {}) {
  const ended: Ended[] = [];
  const exchanges: Exchange[] = [];
  const handler: ListenerHandler = {
    handle(exchange) {
      exchanges.push(exchange);
      return handle(exchange);
    },
    done: (_exchange, end, error) => void ended.push({ ...end, error }),
    ...more,
  };
  const opened = await listen({ host: "127.0.0.1", port: 0 }, handler, services);
  listener = opened;
  return { listener: opened, url: `http://127.0.0.1:${opened.port}`, ended, exchanges };
}

const text = (body: Reply["body"], headers: Reply["headers"] = {}, status = 200): Reply => ({ status, headers, body });
const get = (path = "/", more = "") => `GET ${path} HTTP/1.1\r\nhost: x\r\n${more}\r\n`;

describe("an exchange", () => {
  it("has what the client sent: method, path, query, headers, address and body", async () => {
    const { url, exchanges } = await serve(async (exchange) => text(await readBody(exchange.request.body, 0, undefined)));
    const answer = await fetch(`${url}/a%20b/c?x=1&y=%3F`, { method: "PUT", headers: { "X-Thing": "1" }, body: "hello" });
    expect(await answer.text()).toBe("hello");
    expect(exchanges[0]).toMatchObject({
      id: "id-1",
      startedAtMs: 1_700_000_000_000,
      request: { method: "PUT", path: "/a%20b/c", query: "x=1&y=%3F", clientIp: "127.0.0.1" },
    });
    expect(exchanges[0]?.request.headers["x-thing"]).toBe("1");
  });

  it("has an empty query where there is none, and the path of a full URL", async () => {
    const { listener: { port }, exchanges } = await serve(async () => text("ok"));
    const client = await openRawClient(port);
    client.send(get("/plain"));
    await client.receives(/ok/);
    client.send(get("http://elsewhere/path?q=1"));
    await client.receives(/ok[^]*ok/);
    expect(exchanges.map(({ request }) => [request.path, request.query])).toEqual([["/plain", ""], ["/path", "q=1"]]);
    client.socket.destroy();
  });
});

describe("a whole reply", () => {
  it("is sent with its length, over a connection that stays open", async () => {
    const { listener: { port }, ended } = await serve(async () => text("grüße", { "x-a": "1" }));
    const client = await openRawClient(port);
    client.send(get());
    await client.receives(/gr/);
    client.send(get());
    const received = await client.receives(/gr[^]*gr/);
    expect(received).toMatch(/^HTTP\/1.1 200 OK\r\nx-a: 1\r\ncontent-length: 7\r\n/);
    await until(() => ended.length === 2);
    expect(ended[0]).toMatchObject({ status: 200, bytesSent: 7, clientAborted: false, error: undefined });
    expect(client.isClosed).toBe(false);
    client.socket.destroy();
  });

  it("answers HEAD with the length and no body, and counts none", async () => {
    const { listener: { port }, ended } = await serve(async () => text("hello"));
    const client = await openRawClient(port);
    client.send("HEAD / HTTP/1.1\r\nhost: x\r\n\r\n");
    const received = await client.receives(/\r\n\r\n/);
    expect(received).toContain("content-length: 5\r\n");
    client.send("HEAD / HTTP/1.1\r\nhost: x\r\n\r\n");
    expect(await client.receives(/\r\n\r\nHTTP[^]*\r\n\r\n/)).not.toContain("hello");
    await until(() => ended.length === 2);
    expect(ended[0]).toMatchObject({ bytesSent: 0, clientAborted: false });
    client.socket.destroy();
  });

  it.each([204, 304])("has neither body nor length with status %i", async (status) => {
    const { listener: { port } } = await serve(async () => text("ignored", {}, status));
    const client = await openRawClient(port);
    client.send(get("/", "connection: close\r\n"));
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
      error: { message: "request body doesn't contain valid prompts", type: "invalid_request_error", code: "no_prompt", request_id: "id-1" },
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
    const reply = errorReply(new GatewayError("no_healthy_target", { reason: "x" }, { retryAfterSeconds: 1.2 }), "id");
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
    const replies = [text("x", { "x-bad": "line\nbreak" }), text(body, { "x-bad": "\u4f60" }), text("fine")];
    const { url, ended } = await serve(async () => replies.shift() ?? text("none left"));
    expect((await fetch(url)).status).toBe(500);
    expect((await fetch(url)).status).toBe(500);
    expect(body.cancelled).toBeInstanceOf(Error);
    expect(await (await fetch(url)).text()).toBe("fine");
    await until(() => ended.length === 3);
    expect(ended.map(({ status, error }) => [status, error !== undefined])).toEqual([[500, true], [500, true], [200, false]]);
  });

  it("while a body is started closes the connection, and the process lives on", async () => {
    const broken: Reply["body"] = {
      start() {
        throw new Error("cannot start");
      },
    };
    const replies = [text(broken), text("fine")];
    const { url, ended } = await serve(async () => replies.shift() ?? text("none left"));
    await expect(fetch(url)).rejects.toThrow();
    await until(() => ended.length === 1);
    expect(ended[0]).toMatchObject({ clientAborted: false });
    expect(await (await fetch(url)).text()).toBe("fine");
  });
});

describe("a streamed reply", () => {
  it("reaches the client write by write", async () => {
    const body = createScriptedBody();
    const { listener: { port }, ended } = await serve(async () => text(body));
    const client = await openRawClient(port);
    client.send(get());
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
    const { listener: { port } } = await serve(async () => text(body));
    const client = await openRawClient(port);
    client.socket.pause();
    client.send(get());
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
    const { listener: { port }, ended, exchanges } = await serve(async () => text(body));
    const client = await openRawClient(port);
    client.send(get());
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

describe("a client that leaves", () => {
  it("aborts the signal of an exchange under way, and is recorded as gone without an error", async () => {
    let aborted: unknown;
    const { listener: { port }, ended } = await serve(
      (exchange) =>
        new Promise((_resolve, reject) => {
          exchange.signal.addEventListener("abort", () => {
            aborted = exchange.signal.reason;
            reject(aborted);
          });
        }),
    );
    const client = await openRawClient(port);
    client.send(get());
    await until(() => listener?.running === 1);
    client.socket.destroy();
    await until(() => ended.length === 1);
    expect(aborted).toMatchObject({ message: "the client is gone" });
    expect(ended[0]).toMatchObject({ status: 499, bytesSent: 0, clientAborted: true, error: undefined });
    expect(listener?.running).toBe(0);
  });

  it("finds the signal aborted where it is asked for only afterwards, and starts no body", async () => {
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const body = createScriptedBody();
    const { listener: { port }, ended, exchanges } = await serve(async () => {
      await released;
      return text(body);
    });
    const client = await openRawClient(port);
    client.send(get());
    await until(() => exchanges.length === 1);
    client.socket.destroy();
    await until(() => exchanges[0]?.request.body.destroyed === true);
    release();
    await until(() => ended.length === 1);
    expect(exchanges[0]?.signal.aborted).toBe(true);
    expect(body.cancelled?.message).toBe("the client is gone");
    expect(ended[0]).toMatchObject({ clientAborted: true, bytesSent: 0 });
  });

  it("stops a stream under way", async () => {
    const body = createScriptedBody();
    const { listener: { port }, ended } = await serve(async () => text(body));
    const client = await openRawClient(port);
    client.send(get());
    await until(() => body.isStarted);
    body.write("half");
    await client.receives(/half/);
    client.socket.destroy();
    await until(() => body.cancelled !== undefined);
    await until(() => ended.length === 1);
    expect(ended[0]).toMatchObject({ status: 200, bytesSent: 4, clientAborted: true });
  });

  it("in the middle of its own body is told from one that has sent it all", async () => {
    const { listener: { port }, ended } = await serve(async (exchange) => text(await readBody(exchange.request.body, 0, undefined)));
    const client = await openRawClient(port);
    client.send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf");
    await until(() => listener?.running === 1);
    client.socket.destroy();
    await until(() => ended.length === 1);
    expect(ended[0]).toMatchObject({ clientAborted: true, bytesSent: 0 });
  });
});

describe("an answer that comes before the request has ended", () => {
  it("reaches the client whole while it is still sending", async () => {
    const long = "x".repeat(20_000);
    const { listener: { port }, ended } = await serve(async (exchange) => {
      await readBody(exchange.request.body, 1000, undefined).catch(() => undefined);
      return text(long, {}, 413);
    });
    const client = await openRawClient(port);
    const chunk = Buffer.alloc(64 * 1024, "a");
    client.send(`POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${64 * chunk.length}\r\n\r\n`);
    for (let sent = 0; sent < 64; sent++) {
      client.send(chunk);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await client.closed();
    expect(client.received).toMatch(/^HTTP\/1.1 413 /);
    expect(client.received).toContain("connection: close");
    expect(client.received.endsWith(long)).toBe(true);
    await until(() => ended.length === 1);
    expect(ended[0]).toMatchObject({ status: 413, bytesSent: long.length, clientAborted: false });
  });

  it("keeps the connection where the request had ended", async () => {
    const { listener: { port } } = await serve(async (exchange) => text(await readBody(exchange.request.body, 0, undefined)));
    const client = await openRawClient(port);
    client.send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody");
    expect(await client.receives(/body/)).not.toContain("connection: close");
    client.socket.destroy();
  });
});

describe("closing a listener", () => {
  it("waits for a running stream to end, and takes nobody new", async () => {
    const body = createScriptedBody();
    const { listener: opened, url } = await serve(async () => text(body));
    const client = await openRawClient(opened.port);
    client.send(get());
    await until(() => body.isStarted);
    let isClosed = false;
    const closing = opened.close(60_000).then(() => {
      isClosed = true;
    });
    await expect(fetch(url)).rejects.toThrow();
    body.write("still here");
    await client.receives(/still here/);
    expect(isClosed).toBe(false);
    body.end();
    await closing;
    await client.closed();
    expect(client.received).toMatch(/\r\n0\r\n\r\n/);
    expect(opened.running).toBe(0);
  });

  it("cuts what still runs at the deadline", async () => {
    const body = createScriptedBody();
    const { listener: opened } = await serve(async () => text(body));
    const client = await openRawClient(opened.port);
    client.send(get());
    await until(() => body.isStarted);
    await opened.close(10);
    await client.closed();
    expect(body.cancelled).toBeInstanceOf(Error);
  });

  it("does not wait for connections that only idle or have sent half a head", async () => {
    const { listener: opened } = await serve(async () => text("ok"));
    const idle = await openRawClient(opened.port);
    idle.send(get());
    await idle.receives(/ok/);
    const half = await openRawClient(opened.port);
    half.send("GET / HTTP/1.1\r\nho");
    await opened.close(60_000);
    await idle.closed();
    await half.closed();
  });

  it("asks clients not to come back on their connection", async () => {
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { listener: opened, exchanges } = await serve(async () => {
      await released;
      return text("ok");
    });
    const client = await openRawClient(opened.port);
    client.send(get());
    await until(() => exchanges.length === 1);
    const closing = opened.close(60_000);
    release();
    await closing;
    await client.closed();
    expect(client.received).toContain("connection: close");
    expect(client.received).toContain("ok");
  });
});

describe("opening a listener", () => {
  it("names the address that it cannot have", async () => {
    const { listener: opened } = await serve(async () => text("ok"));
    const again = listen({ host: "127.0.0.1", port: opened.port }, { handle: async () => text("x") }, services);
    await expect(again).rejects.toThrow(`cannot listen on 127.0.0.1:${opened.port}: `);
  });
});
