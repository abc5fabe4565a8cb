import { describe, expect, it } from "vitest";
import { createCollectingSink } from "../../test/support/body-streams.ts";
import { freePort } from "../../test/support/free-port.ts";
import { until } from "../../test/support/until.ts";
import {
  answerOf,
  callTo,
  chunk,
  chunkedHead,
  never,
  useUpstreams,
} from "../../test/support/upstream-calls.ts";
import type { UpstreamCall } from "./upstream-client.ts";
import { UpstreamError } from "./upstream-error.ts";

const { client, server } = useUpstreams();

async function failure(promise: Promise<unknown>): Promise<UpstreamError> {
  const error = await promise.catch((thrown: unknown) => thrown);
  if (error instanceof UpstreamError) return error;
  throw new Error(`expected an UpstreamError, got ${error}`);
}

describe("a call that is answered", () => {
  it("is sent as told, and gives status, headers and body", async () => {
    const upstream = await server((socket) =>
      socket.write(answerOf("hello", "x-a: 1\r\nset-cookie: a\r\nset-cookie: b\r\n")),
    );
    const response = await client().send(callTo(upstream.origin), never);
    expect(response.status).toBe(200);
    expect(response.headers).toMatchObject({ "x-a": "1", "set-cookie": ["a", "b"], "content-length": "5" });
    const sink = createCollectingSink();
    response.body.start(sink);
    await sink.over;
    expect(sink.text).toBe("hello");
    expect(sink.ends).toBe(1);
    expect(upstream.received[0]).toMatch(
      /^POST \/v1\/chat\?x=1 HTTP\/1\.1\r\nhost: 127\.0\.0\.1:\d+\r\n[\s\S]*x-key: 1\r\ncontent-length: 7\r\n\r\n\{"a":1\}$/,
    );
  });

  it("may have any status, and interim answers before it", async () => {
    const upstream = await server((socket) =>
      socket.write(
        `HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n`,
      ),
    );
    const response = await client().send(callTo(upstream.origin), never);
    expect(response.status).toBe(503);
    expect(response.headers).not.toHaveProperty("link");
  });

  it("hands a body's parts on as they come, also those that came before anybody read", async () => {
    const upstream = await server((socket) => socket.write(chunkedHead + chunk("one;")));
    const response = await client().send(callTo(upstream.origin), never);
    const [socket] = upstream.sockets;
    const sink = createCollectingSink();
    response.body.start(sink);
    await until(() => sink.text === "one;");
    socket?.write(chunk("two;"));
    await until(() => sink.text === "one;two;");
    socket?.write("0\r\n\r\n");
    await sink.over;
    expect(sink.ends).toBe(1);
  });

  it("uses a connection again after a body was read to its end", async () => {
    const upstream = await server((socket) => socket.write(answerOf("ok")));
    const sender = client();
    for (let round = 0; round < 3; round++) {
      const sink = createCollectingSink();
      (await sender.send(callTo(upstream.origin), never)).body.start(sink);
      await sink.over;
      await new Promise((resolve) => setImmediate(resolve)); // the connection is free once its end has been seen to
    }
    expect(upstream.sockets).toHaveLength(1);
  });

  it("gets a connection of its own while another is busy", async () => {
    const upstream = await server((socket) => socket.write(chunkedHead));
    const sender = client();
    const both = await Promise.all([
      sender.send(callTo(upstream.origin), never),
      sender.send(callTo(upstream.origin), never),
    ]);
    expect(upstream.sockets).toHaveLength(2);
    for (const { body } of both) body.cancel(new Error("enough"));
  });
});

describe("a call that cannot be sent", () => {
  it("fails as an error of which nothing was sent, where the connection is refused", async () => {
    const error = await failure(client().send(callTo(`http://127.0.0.1:${await freePort()}`), never));
    expect(error).toMatchObject({ kind: "error", sent: false, isNameResolution: false });
    expect(error.message).toContain("ECONNREFUSED");
  });

  it("fails as a failed name where the host is unknown", async () => {
    // No name has a part of more than 63 characters (RFC 1035, 2.3.4), so that nobody has to be asked.
    const error = await failure(client().send(callTo(`http://${"x".repeat(64)}.invalid:80`), never));
    expect(error).toMatchObject({ kind: "error", sent: false, isNameResolution: true });
  });

  it("fails as an error of which nothing was sent, where a header may not stand", async () => {
    const upstream = await server((socket) => socket.write(answerOf("ok")));
    const error = await failure(
      client().send(callTo(upstream.origin, { headers: { "x-bad": "a\nb" } }), never),
    );
    expect(error).toMatchObject({ kind: "error", sent: false });
    expect(upstream.sockets).toHaveLength(0);
  });
});

describe("a call that is not answered well", () => {
  it.each([
    ["closes before the head", "", "error"],
    ["closes in the middle of the head", "HTTP/1.1 200 OK\r\ncontent-le", "error"],
    ["answers with something that is not HTTP", "SSH-2.0-OpenSSH_9.6\r\n\r\n", "invalid_header"],
    ["answers with an impossible status line", "HTTP/1.1 abc OK\r\n\r\n", "invalid_header"],
    ["answers with a header that has no name", "HTTP/1.1 200 OK\r\n: x\r\n\r\n", "invalid_header"],
    [
      "answers with a head without end",
      `HTTP/1.1 200 OK\r\nx-a: ${"x".repeat(20_000)}\r\n\r\n`,
      "invalid_header",
    ],
  ])("fails by its kind, as sent, where the upstream %s", async (_, bytes, kind) => {
    const upstream = await server((socket) => socket.end(bytes));
    expect(await failure(client().send(callTo(upstream.origin), never))).toMatchObject({ kind, sent: true });
  });

  it("fails as an error where the connection is reset", async () => {
    const upstream = await server((socket) => socket.resetAndDestroy());
    expect(await failure(client().send(callTo(upstream.origin), never))).toMatchObject({
      kind: "error",
      sent: true,
    });
  });

  it("fails as a timeout where no head comes in time", async () => {
    const upstream = await server(() => undefined);
    const error = await failure(client().send(callTo(upstream.origin, { readTimeoutMs: 50 }), never));
    expect(error).toMatchObject({ kind: "timeout", sent: true });
    await until(() => upstream.sockets[0]?.destroyed === true);
  });
});

describe("a body that breaks off", () => {
  const read = async (bytes: string, more: Partial<UpstreamCall> = {}, isEnd = true) => {
    const upstream = await server((socket) => (isEnd ? socket.end(bytes) : socket.write(bytes)));
    const response = await client().send(callTo(upstream.origin, more), never);
    const sink = createCollectingSink();
    response.body.start(sink);
    await sink.over;
    return sink;
  };

  it("fails after what had come, where a length was promised or a chunk is missing", async () => {
    for (const bytes of [
      "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf",
      `${chunkedHead}${chunk("half")}`,
      `${chunkedHead}${chunk("half")}9\r\nx`,
    ]) {
      const sink = await read(bytes);
      expect(sink.text.startsWith("half")).toBe(true);
      expect(sink.ends).toBe(0);
      expect(sink.failure).toBeInstanceOf(UpstreamError);
      expect(sink.failure).toMatchObject({ sent: true });
    }
  });

  it("ends well where the end of the connection is the end of the body", async () => {
    const sink = await read("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nall of it");
    expect(sink.text).toBe("all of it");
    expect(sink.ends).toBe(1);
  });

  it("fails as a timeout where nothing comes any more", async () => {
    const sink = await read(`${chunkedHead}${chunk("half")}`, { readTimeoutMs: 50 }, false);
    expect(sink.text).toBe("half");
    expect(sink.failure).toMatchObject({ kind: "timeout" });
  });

  it("fails at junk between its chunks", async () => {
    const sink = await read(`${chunkedHead}${chunk("half")}zzz\r\n`);
    expect(sink.failure).toMatchObject({ kind: "invalid_header" });
  });

  it("tells a reader that comes late of it", async () => {
    const upstream = await server((socket) => socket.end(`${chunkedHead}${chunk("half")}`));
    const response = await client().send(callTo(upstream.origin), never);
    await until(() => upstream.sockets[0]?.destroyed === true);
    await new Promise((resolve) => setImmediate(resolve));
    const sink = createCollectingSink();
    response.body.start(sink);
    await sink.over;
    expect(sink.text).toBe("half");
    expect(sink.failure).toBeInstanceOf(UpstreamError);
  });
});
