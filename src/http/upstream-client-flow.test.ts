import { describe, expect, it } from "vitest";
import { createCollectingSink } from "../../test/support/body-streams.ts";
import { until } from "../../test/support/until.ts";
import {
  answerOf,
  callTo,
  chunk,
  chunkedHead,
  never,
  useUpstreams,
} from "../../test/support/upstream-calls.ts";
import { UpstreamError } from "./upstream-error.ts";

const { client, server } = useUpstreams();

describe("back-pressure", () => {
  const flood = async () => {
    const upstream = await server((socket) => {
      socket.write(chunkedHead);
    });
    const response = await client().send(callTo(upstream.origin), never);
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
    const upstream = await server((socket) => socket.write(answerOf("ok")));
    const reason = new Error("the client is gone");
    await expect(client().send(callTo(upstream.origin), AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(upstream.sockets).toHaveLength(0);
  });

  it("at once after the call rejects with the signal's reason and sends nothing", async () => {
    const upstream = await server((socket) => socket.write(answerOf("ok")));
    const leaving = new AbortController();
    const sending = client().send(callTo(upstream.origin), leaving.signal);
    const reason = new Error("the client is gone");
    leaving.abort(reason);
    await expect(sending).rejects.toBe(reason);
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(upstream.received.join("")).toBe("");
  });

  it("while the head is awaited rejects with the signal's reason and closes the connection", async () => {
    const upstream = await server(() => undefined);
    const leaving = new AbortController();
    const sending = client().send(callTo(upstream.origin), leaving.signal);
    await until(() => upstream.received.join("").includes('{"a":1}'));
    const reason = new Error("the client is gone");
    leaving.abort(reason);
    await expect(sending).rejects.toBe(reason);
    await until(() => upstream.sockets[0]?.destroyed === true);
  });

  it("while the body is read closes the connection; nothing more comes", async () => {
    const upstream = await server((socket) => socket.write(chunkedHead + chunk("half")));
    const response = await client().send(callTo(upstream.origin), never);
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
    const response = await client().send(callTo(upstream.origin), leaving.signal);
    const sink = createCollectingSink();
    response.body.start(sink);
    leaving.abort(new Error("the client is gone"));
    await sink.over;
    expect(sink.failure).toBeInstanceOf(UpstreamError);
    await until(() => upstream.sockets[0]?.destroyed === true);
  });

  it("a body that nobody reads frees its connection", async () => {
    const upstream = await server((socket) => socket.write(chunkedHead + chunk("half")));
    const response = await client().send(callTo(upstream.origin), never);
    response.body.cancel(new Error("another target is tried"));
    await until(() => upstream.sockets[0]?.destroyed === true);
  });

  it("forgets the signal once the call is over", async () => {
    const upstream = await server((socket) => socket.write(answerOf("ok")));
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
    (await client().send(callTo(upstream.origin), signal)).body.start(sink);
    await sink.over;
    expect(listening).toBe(0);
  });
});
