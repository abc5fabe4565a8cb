/** Large requests against servers that take them at their own pace, or not at all. */
import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { PassThrough } from "node:stream";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createCollectingSink } from "../../test/support/body-streams.ts";
import { createFakeClock, settled } from "../../test/support/fake-clock.ts";
import { until } from "../../test/support/until.ts";
import { answerOf, callTo, chunkedHead, never, useUpstreams } from "../../test/support/upstream-calls.ts";
import { pieceBytes } from "./upload.ts";
import { createUpstreamClient, type UpstreamCall } from "./upstream-client.ts";

const { client, server } = useUpstreams();

/** More than the kernel takes for a server that reads nothing: Linux up to 4 MiB out and 6 MiB in. */
const large = new Uint8Array(24 * 1024 * 1024);
const part = new Uint8Array(256 * 1024);

const waits = { writeTimeoutMs: 120, readTimeoutMs: 300 };

/** Many turns of the event loop, each of which would have moved bytes if any could move. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 300; turn++) await settled();
}

/** A call of a server that stops reading with the head, at a time that the test makes pass. */
async function upload(body: UpstreamCall["body"], onHead: (socket: Socket) => void = () => undefined) {
  const clock = createFakeClock();
  const leaving = new AbortController();
  const upstream = await server((socket) => {
    socket.pause();
    onHead(socket);
  });
  const sending = createUpstreamClient(clock).send(
    callTo(upstream.origin, { ...waits, body }),
    leaving.signal,
  );
  const outcome = sending.then(
    (response) => response,
    (error: unknown) => error,
  );
  await until(() => upstream.sockets[0]?.isPaused() === true);
  await quiet();
  const [socket] = upstream.sockets;
  if (socket === undefined) throw new Error("no connection");
  return { clock, outcome, sending, socket, leaving };
}

/** A source that counts what was taken from it; it never ends. */
function endless() {
  const source = {
    pulls: 0,
    isReleased: false,
    async *[Symbol.asyncIterator]() {
      try {
        for (;;) {
          source.pulls++;
          yield part;
        }
      } finally {
        source.isReleased = true;
      }
    },
  };
  return source;
}

describe("the write timeout", () => {
  it("ends an upload of which nothing is taken any more, exactly, and as sent", async () => {
    const { clock, outcome, socket } = await upload(large);
    await clock.advance(waits.writeTimeoutMs - 1);
    expect(clock.timers).toBe(1);
    await clock.advance(1);
    expect(await outcome).toMatchObject({ kind: "timeout", sent: true, reason: "write_timeout" });
    socket.resume();
    await until(() => socket.destroyed);
    expect(clock.timers).toBe(0);
  });

  it("is the gap between two writes, not the time of the whole upload, in which the read timeout does not run", async () => {
    const source = endless();
    const { clock, outcome, socket, leaving } = await upload(source);
    for (let step = 0; step < 6; step++) {
      await clock.advance(waits.writeTimeoutMs - 1);
      const before = source.pulls;
      socket.resume();
      await until(() => source.pulls > before);
      socket.pause();
      await quiet();
    }
    expect(clock.now()).toBeGreaterThan(waits.writeTimeoutMs + waits.readTimeoutMs);
    expect(clock.timers).toBe(1);
    const reason = new Error("enough");
    leaving.abort(reason);
    expect(await outcome).toBe(reason);
    socket.destroy();
  });

  it("does not run while the request's own source is what is waited for", async () => {
    const source = new PassThrough();
    const { clock, outcome, socket } = await slowSource(source);
    await clock.advance(60_000);
    expect(clock.timers).toBe(0);
    source.end("the rest");
    await until(() => clock.timers === 1);
    await clock.advance(waits.readTimeoutMs - 1);
    expect(socket.destroyed).toBe(false);
    await clock.advance(1);
    expect(await outcome).toMatchObject({ kind: "timeout", reason: "read_timeout" });
  });

  it("is over with the head of an answer, from which on the read timeout runs", async () => {
    const source = endless();
    const { clock, sending, socket } = await upload(source, (head) => head.write(chunkedHead));
    const sink = createCollectingSink();
    (await sending).body.start(sink);
    await clock.advance(waits.readTimeoutMs - 1);
    expect(sink.failure).toBeUndefined();
    await clock.advance(1);
    await sink.over;
    expect(sink.failure).toMatchObject({ reason: "read_timeout" });
    await until(() => source.isReleased);
    socket.destroy();
  });

  it("sets no timer of its own for a body of one piece", async () => {
    const upstream = await server((socket) => socket.pause());
    const clock = createFakeClock();
    const body = new Uint8Array(pieceBytes);
    const failing = createUpstreamClient(clock).send(callTo(upstream.origin, { ...waits, body }), never);
    const outcome = failing.catch((error: unknown) => error);
    await until(() => clock.timers === 1);
    await clock.advance(waits.readTimeoutMs);
    expect(await outcome).toMatchObject({ reason: "read_timeout" });
  });
});

/** A call whose body has begun and waits for its client. */
async function slowSource(source: PassThrough) {
  const clock = createFakeClock();
  const leaving = new AbortController();
  const upstream = await server(() => undefined);
  const call = callTo(upstream.origin, { ...waits, body: source });
  const outcome = createUpstreamClient(clock)
    .send(call, leaving.signal)
    .catch((error: unknown) => error);
  source.write("the beginning");
  await until(() => upstream.received[0]?.includes("the beginning") === true);
  await quiet();
  const [socket] = upstream.sockets;
  if (socket === undefined) throw new Error("no connection");
  return { clock, leaving, outcome, socket };
}

describe("an upload that is given up", () => {
  it("by the caller while the upstream takes nothing closes the connection and releases the source", async () => {
    const source = endless();
    const { clock, leaving, outcome, socket } = await upload(source);
    const reason = new Error("the client is gone");
    leaving.abort(reason);
    expect(await outcome).toBe(reason);
    await until(() => source.isReleased);
    socket.resume();
    await until(() => socket.destroyed);
    expect(clock.timers).toBe(0);
  });

  it("by the caller while its stream gives nothing destroys the stream too", async () => {
    const source = new PassThrough();
    const { clock, leaving, outcome, socket } = await slowSource(source);
    const reason = new Error("the client is gone");
    leaving.abort(reason);
    expect(await outcome).toBe(reason);
    await until(() => source.destroyed && socket.destroyed);
    expect(clock.timers).toBe(0);
  });

  it("because of an early answer gives the answer, and releases the source", async () => {
    const source = endless();
    const { clock, sending, socket } = await upload(source, (head) => head.write(answerOf("too large")));
    const sink = createCollectingSink();
    (await sending).body.start(sink);
    await sink.over;
    expect(sink).toMatchObject({ text: "too large", failure: undefined });
    await until(() => source.isReleased);
    expect(clock.timers).toBe(0);
    socket.destroy();
  });

  it("leaves a stream alone of which nothing was sent", async () => {
    const upstream = await server(() => undefined);
    await upstream.close();
    const source = new PassThrough();
    const call = callTo(upstream.origin, { body: source });
    await expect(client().send(call, never)).rejects.toMatchObject({ sent: false });
    expect(source.destroyed).toBe(false);
  });
});

describe("a large body", () => {
  /** Answers with the length that was announced, and the hash of what came. */
  const listening = createServer((request, response) => {
    const hash = createHash("sha256");
    request.on("data", (bytes: Buffer) => hash.update(bytes));
    request.on("end", () =>
      response.end(`${request.headers["content-length"]} ${hash.digest("hex")} ${request.socket.remotePort}`),
    );
  });
  const sender = createUpstreamClient();
  beforeAll(() => new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve)));
  afterAll(async () => {
    await sender.close();
    listening.close();
  });

  async function send(body: string | Uint8Array): Promise<string[]> {
    const { port } = listening.address() as AddressInfo; // it listens on TCP
    const sink = createCollectingSink();
    (await sender.send(callTo(`http://127.0.0.1:${port}`, { body }), never)).body.start(sink);
    await sink.over;
    await settled(); // the connection is free once its end has been seen to
    return sink.text.split(" ");
  }

  it("arrives byte by byte, with its length, over one connection", async () => {
    const noise = randomBytes(5 * pieceBytes);
    const length = fc
      .tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: -2, max: 2 }))
      .map(([pieces, off]) => Math.max(1, pieces * pieceBytes + off));
    const ports = new Set<string | undefined>();
    await fc.assert(
      fc.asyncProperty(length, fc.nat(1000), fc.boolean(), async (size, from, isText) => {
        const bytes = noise.subarray(from, from + size);
        const body = isText ? bytes.toString("latin1") : bytes; // half its letters are two bytes long
        const sent = isText ? Buffer.from(bytes.toString("latin1")) : bytes;
        const [announced, hash, port] = await send(body);
        expect(announced).toBe(String(sent.length));
        expect(hash).toBe(createHash("sha256").update(sent).digest("hex"));
        ports.add(port);
      }),
      { numRuns: 100 },
    );
    expect(ports.size).toBe(1);
  });
});
