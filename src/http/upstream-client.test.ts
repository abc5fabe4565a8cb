import { createServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createCollectingSink } from "../../test/support/body-streams.ts";
import { openRawServer, type RawServer } from "../../test/support/raw-http.ts";
import { until } from "../../test/support/until.ts";
import { createUpstreamClient, UpstreamError, type UpstreamCall, type UpstreamClient } from "./upstream-client.ts";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

function client(): UpstreamClient {
  const made = createUpstreamClient();
  open.push(made);
  return made;
}

async function server(...parameters: Parameters<typeof openRawServer>): Promise<RawServer> {
  const made = await openRawServer(...parameters);
  open.push(made);
  return made;
}

const never = new AbortController().signal;
const call = (origin: string, more: Partial<UpstreamCall> = {}): UpstreamCall => ({
  origin,
  path: "/v1/chat?x=1",
  method: "POST",
  headers: { "content-type": "application/json", "x-key": "1" },
  body: '{"a":1}',
  connectTimeoutMs: 5000,
  readTimeoutMs: 5000,
  ...more,
});

async function failure(promise: Promise<unknown>): Promise<UpstreamError> {
  const error = await promise.catch((thrown: unknown) => thrown);
  if (error instanceof UpstreamError) return error;
  throw new Error(`expected an UpstreamError, got ${error}`);
}

const answer = (body: string, head = "") => `HTTP/1.1 200 OK\r\n${head}content-length: ${body.length}\r\n\r\n${body}`;
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
const chunkedHead = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/** A port on which nobody listens. */
async function closedPort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

describe("a call that is answered", () => {
  it("is sent as told, and gives status, headers and body", async () => {
    const upstream = await server((socket) => socket.write(answer("hello", "x-a: 1\r\nset-cookie: a\r\nset-cookie: b\r\n")));
    const response = await client().send(call(upstream.origin), never);
    expect(response.status).toBe(200);
    expect(response.headers).toMatchObject({ "x-a": "1", "set-cookie": ["a", "b"], "content-length": "5" });
    const sink = createCollectingSink();
    response.body.start(sink);
    await sink.over;
    expect(sink.text).toBe("hello");
    expect(sink.ends).toBe(1);
    expect(upstream.received[0]).toMatch(/^POST \/v1\/chat\?x=1 HTTP\/1\.1\r\nhost: 127\.0\.0\.1:\d+\r\n[^]*x-key: 1\r\ncontent-length: 7\r\n\r\n\{"a":1\}$/);
  });

  it("may have any status, and interim answers before it", async () => {
    const upstream = await server((socket) =>
      socket.write(`HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n`),
    );
    const response = await client().send(call(upstream.origin), never);
    expect(response.status).toBe(503);
    expect(response.headers).not.toHaveProperty("link");
  });

  it("hands a body's parts on as they come, also those that came before anybody read", async () => {
    const upstream = await server((socket) => socket.write(chunkedHead + chunk("one;")));
    const response = await client().send(call(upstream.origin), never);
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
    const upstream = await server((socket) => socket.write(answer("ok")));
    const sender = client();
    for (let round = 0; round < 3; round++) {
      const sink = createCollectingSink();
      (await sender.send(call(upstream.origin), never)).body.start(sink);
      await sink.over;
      await new Promise((resolve) => setImmediate(resolve)); // the connection is free once its end has been seen to
    }
    expect(upstream.sockets).toHaveLength(1);
  });

  it("gets a connection of its own while another is busy", async () => {
    const upstream = await server((socket) => socket.write(chunkedHead));
    const sender = client();
    const both = await Promise.all([sender.send(call(upstream.origin), never), sender.send(call(upstream.origin), never)]);
    expect(upstream.sockets).toHaveLength(2);
    for (const { body } of both) body.cancel(new Error("enough"));
  });
});

describe("a call that cannot be sent", () => {
  it("fails as an error of which nothing was sent, where the connection is refused", async () => {
    const error = await failure(client().send(call(`http://127.0.0.1:${await closedPort()}`), never));
    expect(error).toMatchObject({ kind: "error", sent: false, isNameResolution: false });
    expect(error.message).toContain("ECONNREFUSED");
  });

  it("fails as a failed name where the host is unknown", async () => {
    // No name has a part of more than 63 characters (RFC 1035, 2.3.4), so that nobody has to be asked.
    const error = await failure(client().send(call(`http://${"x".repeat(64)}.invalid:80`), never));
    expect(error).toMatchObject({ kind: "error", sent: false, isNameResolution: true });
  });

  it("fails as an error of which nothing was sent, where a header may not stand", async () => {
    const upstream = await server((socket) => socket.write(answer("ok")));
    const error = await failure(client().send(call(upstream.origin, { headers: { "x-bad": "a\nb" } }), never));
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
    ["answers with a head without end", `HTTP/1.1 200 OK\r\nx-a: ${"x".repeat(20_000)}\r\n\r\n`, "invalid_header"],
  ])("fails by its kind, as sent, where the upstream %s", async (_, bytes, kind) => {
    const upstream = await server((socket) => socket.end(bytes));
    expect(await failure(client().send(call(upstream.origin), never))).toMatchObject({ kind, sent: true });
  });

  it("fails as an error where the connection is reset", async () => {
    const upstream = await server((socket) => socket.resetAndDestroy());
    expect(await failure(client().send(call(upstream.origin), never))).toMatchObject({ kind: "error", sent: true });
  });

  it("fails as a timeout where no head comes in time", async () => {
    const upstream = await server(() => undefined);
    const error = await failure(client().send(call(upstream.origin, { readTimeoutMs: 50 }), never));
    expect(error).toMatchObject({ kind: "timeout", sent: true });
    await until(() => upstream.sockets[0]?.destroyed === true);
  });
});

describe("a body that breaks off", () => {
  const read = async (bytes: string, more: Partial<UpstreamCall> = {}, isEnd = true) => {
    const upstream = await server((socket) => (isEnd ? socket.end(bytes) : socket.write(bytes)));
    const response = await client().send(call(upstream.origin, more), never);
    const sink = createCollectingSink();
    response.body.start(sink);
    await sink.over;
    return sink;
  };

  it("fails after what had come, where a length was promised or a chunk is missing", async () => {
    for (const bytes of ["HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", `${chunkedHead}${chunk("half")}`, `${chunkedHead}${chunk("half")}9\r\nx`]) {
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
    const response = await client().send(call(upstream.origin), never);
    await until(() => upstream.sockets[0]?.destroyed === true);
    await new Promise((resolve) => setImmediate(resolve));
    const sink = createCollectingSink();
    response.body.start(sink);
    await sink.over;
    expect(sink.text).toBe("half");
    expect(sink.failure).toBeInstanceOf(UpstreamError);
  });
});

describe("back-pressure", () => {
  const flood = async () => {
    const upstream = await server((socket) => {
      socket.write(chunkedHead);
    });
    const response = await client().send(call(upstream.origin), never);
    const [socket] = upstream.sockets;
    if (socket === undefined) throw new Error("no connection");
    const part = Buffer.from(chunk("x".repeat(64 * 1024)));
    /** Writes until the kernel's and our buffers are full; the number of bytes that found room. */
    const fill = async (): Promise<number> => {
      let bytes = 0;
      for (;;) {
        bytes += part.length;
        if (socket.write(part)) continue;
        const drained = await Promise.race([
          new Promise<boolean>((resolve) => socket.once("drain", () => resolve(true))),
          quiet().then(() => false),
        ]);
        if (!drained || bytes > 256 * 1024 * 1024) return bytes;
      }
    };
    return { response, socket, fill };
  };

  /** Many turns of the event loop, each of which would have moved bytes if any could move. */
  const quiet = async () => {
    for (let turn = 0; turn < 300; turn++) await new Promise((resolve) => setImmediate(resolve));
  };

  it("stops reading the upstream while the reader has no room, with little in memory", async () => {
    const { response, fill } = await flood();
    const sink = createCollectingSink();
    sink.hasRoom = false;
    const flow = response.body.start(sink);
    expect(await fill()).toBeLessThan(64 * 1024 * 1024);
    expect(sink.text.length).toBeLessThan(1024 * 1024);
    const before = sink.text.length;
    flow.resume();
    await until(() => sink.text.length > before);
    flow.cancel(new Error("enough"));
  });

  it("stops reading the upstream while nobody has begun to read", async () => {
    const { response, fill } = await flood();
    expect(await fill()).toBeLessThan(64 * 1024 * 1024);
    const sink = createCollectingSink();
    sink.hasRoom = false;
    const flow = response.body.start(sink);
    expect(sink.text.length).toBeLessThan(1024 * 1024);
    flow.cancel(new Error("enough"));
  });
});

describe("cancelling", () => {
  it("before the call rejects with the signal's reason and connects to nobody", async () => {
    const upstream = await server((socket) => socket.write(answer("ok")));
    const reason = new Error("the client is gone");
    await expect(client().send(call(upstream.origin), AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(upstream.sockets).toHaveLength(0);
  });

  it("at once after the call rejects with the signal's reason and sends nothing", async () => {
    const upstream = await server((socket) => socket.write(answer("ok")));
    const leaving = new AbortController();
    const sending = client().send(call(upstream.origin), leaving.signal);
    const reason = new Error("the client is gone");
    leaving.abort(reason);
    await expect(sending).rejects.toBe(reason);
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(upstream.received.join("")).toBe("");
  });

  it("while the head is awaited rejects with the signal's reason and closes the connection", async () => {
    const upstream = await server(() => undefined);
    const leaving = new AbortController();
    const sending = client().send(call(upstream.origin), leaving.signal);
    await until(() => upstream.received.join("").includes('{"a":1}'));
    const reason = new Error("the client is gone");
    leaving.abort(reason);
    await expect(sending).rejects.toBe(reason);
    await until(() => upstream.sockets[0]?.destroyed === true);
  });

  it("while the body is read closes the connection; nothing more comes", async () => {
    const upstream = await server((socket) => socket.write(chunkedHead + chunk("half")));
    const response = await client().send(call(upstream.origin), never);
    const sink = createCollectingSink();
    const flow = response.body.start(sink);
    await until(() => sink.text === "half");
    flow.cancel(new Error("the client is gone"));
    await until(() => upstream.sockets[0]?.destroyed === true);
    expect(sink.ends).toBe(0);
    expect(sink.failure).toBeUndefined();
  });

  it("by the signal while the body is read fails the body", async () => {
    const upstream = await server((socket) => socket.write(chunkedHead + chunk("half")));
    const leaving = new AbortController();
    const response = await client().send(call(upstream.origin), leaving.signal);
    const sink = createCollectingSink();
    response.body.start(sink);
    leaving.abort(new Error("the client is gone"));
    await sink.over;
    expect(sink.failure).toBeInstanceOf(UpstreamError);
    await until(() => upstream.sockets[0]?.destroyed === true);
  });

  it("a body that nobody reads frees its connection", async () => {
    const upstream = await server((socket) => socket.write(chunkedHead + chunk("half")));
    const response = await client().send(call(upstream.origin), never);
    response.body.cancel(new Error("another target is tried"));
    await until(() => upstream.sockets[0]?.destroyed === true);
  });

  it("forgets the signal once the call is over", async () => {
    const upstream = await server((socket) => socket.write(answer("ok")));
    const leaving = new AbortController();
    let listening = 0;
    const signal = leaving.signal;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...parameters: Parameters<typeof add>) => {
      listening++;
      add(...parameters);
    };
    signal.removeEventListener = (...parameters: Parameters<typeof remove>) => {
      listening--;
      remove(...parameters);
    };
    const sink = createCollectingSink();
    (await client().send(call(upstream.origin), signal)).body.start(sink);
    await sink.over;
    expect(listening).toBe(0);
  });
});
