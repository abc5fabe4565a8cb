import { describe, expect, it } from "vitest";
import { createScriptedBody } from "../../test/support/body-streams.ts";
import { getRequest, textReply, useListener } from "../../test/support/listening.ts";
import { openRawClient } from "../../test/support/raw-http.ts";
import { until } from "../../test/support/until.ts";
import { readBody } from "./body.ts";

const serve = useListener();

describe("a client that leaves", () => {
  it("aborts the signal of an exchange under way, and is recorded as gone without an error", async () => {
    let aborted: unknown;
    const { listener, port, ended } = await serve(
      (exchange) =>
        new Promise((_resolve, reject) => {
          exchange.signal.addEventListener("abort", () => {
            aborted = exchange.signal.reason;
            reject(aborted);
          });
        }),
    );
    const client = await openRawClient(port);
    client.send(getRequest());
    await until(() => listener.running === 1);
    client.socket.destroy();
    await until(() => ended.length === 1);
    expect(aborted).toMatchObject({ message: "the client is gone" });
    expect(ended[0]).toMatchObject({ status: 499, bytesSent: 0, clientAborted: true, error: undefined });
    expect(listener.running).toBe(0);
  });

  it("finds the signal aborted where it is asked for only afterwards, and starts no body", async () => {
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const body = createScriptedBody();
    const { port, ended, exchanges } = await serve(async () => {
      await released;
      return textReply(body);
    });
    const client = await openRawClient(port);
    client.send(getRequest());
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
    const { port, ended } = await serve(async () => textReply(body));
    const client = await openRawClient(port);
    client.send(getRequest());
    await until(() => body.isStarted);
    body.write("half");
    await client.receives(/half/);
    client.socket.destroy();
    await until(() => body.cancelled !== undefined);
    await until(() => ended.length === 1);
    expect(ended[0]).toMatchObject({ status: 200, bytesSent: 4, clientAborted: true });
  });

  it("in the middle of its own body is told from one that has sent it all", async () => {
    const { listener, port, ended } = await serve(async (exchange) =>
      textReply(await readBody(exchange.request.body, 0, undefined)),
    );
    const client = await openRawClient(port);
    client.send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf");
    await until(() => listener.running === 1);
    client.socket.destroy();
    await until(() => ended.length === 1);
    expect(ended[0]).toMatchObject({ clientAborted: true, bytesSent: 0 });
  });
});

describe("an answer that comes before the request has ended", () => {
  it("reaches the client whole while it is still sending", async () => {
    const long = "x".repeat(20_000);
    const { port, ended } = await serve(async (exchange) => {
      await readBody(exchange.request.body, 1000, undefined).catch(() => undefined);
      return textReply(long, {}, 413);
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
    const { port } = await serve(async (exchange) =>
      textReply(await readBody(exchange.request.body, 0, undefined)),
    );
    const client = await openRawClient(port);
    client.send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody");
    expect(await client.receives(/body/)).not.toContain("connection: close");
    client.socket.destroy();
  });
});

describe("closing a listener", () => {
  it("waits for a running stream to end, and takes nobody new", async () => {
    const body = createScriptedBody();
    const { listener: opened, url } = await serve(async () => textReply(body));
    const client = await openRawClient(opened.port);
    client.send(getRequest());
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
    const { listener: opened } = await serve(async () => textReply(body));
    const client = await openRawClient(opened.port);
    client.send(getRequest());
    await until(() => body.isStarted);
    await opened.close(10);
    await client.closed();
    expect(body.cancelled).toBeInstanceOf(Error);
  });

  it("does not wait for connections that only idle or have sent half a head", async () => {
    const { listener: opened } = await serve(async () => textReply("ok"));
    const idle = await openRawClient(opened.port);
    idle.send(getRequest());
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
      return textReply("ok");
    });
    const client = await openRawClient(opened.port);
    client.send(getRequest());
    await until(() => exchanges.length === 1);
    const closing = opened.close(60_000);
    release();
    await closing;
    await client.closed();
    expect(client.received).toContain("connection: close");
    expect(client.received).toContain("ok");
  });

  it("answers once on a connection that had asked nothing before", async () => {
    const body = createScriptedBody();
    const { listener: opened } = await serve(async ({ request }) =>
      textReply(request.path === "/slow" ? body : "fast"),
    );
    const [slow, fresh] = [await openRawClient(opened.port), await openRawClient(opened.port)];
    slow.send(getRequest("/slow"));
    await until(() => body.isStarted && opened.traffic.open === 2);
    const closing = opened.close(60_000);
    fresh.send(getRequest("/fast"));
    await fresh.closed();
    expect(fresh.received).toMatch(/connection: close\r\n[\s\S]*fast$/i);
    body.end();
    await closing;
  });
});
