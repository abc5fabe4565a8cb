import { type AddressInfo, createServer, type Server } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createCollectingSink } from "../../test/support/body-streams.ts";
import { createFakeClock, settled } from "../../test/support/fake-clock.ts";
import { until } from "../../test/support/until.ts";
import { callTo, chunk, chunkedHead, never, useUpstreams } from "../../test/support/upstream-calls.ts";
import { createUpstreamClient } from "./upstream-client.ts";
import { UpstreamError } from "./upstream-error.ts";

const { client, server } = useUpstreams();

async function failure(promise: Promise<unknown>): Promise<UpstreamError> {
  const error = await promise.catch((thrown: unknown) => thrown);
  if (error instanceof UpstreamError) return error;
  throw new Error(`expected an UpstreamError, got ${error}`);
}

/** A client whose time passes when the test says so. */
function timedClient() {
  const clock = createFakeClock();
  return { clock, sender: createUpstreamClient(clock) };
}

describe("the read timeout", () => {
  it("is exact, also below a second, and runs from the request on", async () => {
    const upstream = await server(() => undefined);
    const { clock, sender } = timedClient();
    const failing = failure(sender.send(callTo(upstream.origin, { readTimeoutMs: 120 }), never));
    await until(() => upstream.received.join("").includes('{"a":1}'));
    await clock.advance(119);
    expect(upstream.sockets[0]?.destroyed).toBe(false);
    await clock.advance(1);
    expect(await failing).toMatchObject({ kind: "timeout", sent: true, reason: "read_timeout" });
    await until(() => upstream.sockets[0]?.destroyed === true);
    expect(clock.timers).toBe(0);
  });

  it("is the gap between two reads, not the time of the whole answer", async () => {
    const upstream = await server((socket) => socket.write(chunkedHead));
    const { clock, sender } = timedClient();
    const response = await sender.send(callTo(upstream.origin, { readTimeoutMs: 100 }), never);
    const sink = createCollectingSink();
    response.body.start(sink);
    for (let read = 1; read <= 5; read++) {
      await clock.advance(90);
      upstream.sockets[0]?.write(chunk("tick"));
      await until(() => sink.text.length === 4 * read);
    }
    expect(sink.failure).toBeUndefined();
    await clock.advance(100);
    await sink.over;
    expect(sink.failure).toMatchObject({ kind: "timeout", reason: "read_timeout" });
  });

  it("does not run while the reader has asked for a pause", async () => {
    const upstream = await server((socket) => socket.write(chunkedHead + chunk("half")));
    const { clock, sender } = timedClient();
    const response = await sender.send(callTo(upstream.origin, { readTimeoutMs: 100 }), never);
    const sink = createCollectingSink();
    sink.hasRoom = false;
    const flow = response.body.start(sink);
    await until(() => sink.text === "half");
    await clock.advance(10_000);
    expect(sink.failure).toBeUndefined();
    flow.resume();
    await clock.advance(100);
    await sink.over;
    expect(sink.failure).toMatchObject({ reason: "read_timeout" });
  });

  it("is over with the answer, though the reader goes on to ask for more", async () => {
    const upstream = await server((socket) => socket.write(`${chunkedHead}${chunk("all")}0\r\n\r\n`));
    const { clock, sender } = timedClient();
    const response = await sender.send(callTo(upstream.origin, { readTimeoutMs: 100 }), never);
    const sink = createCollectingSink();
    const flow = response.body.start(sink);
    await sink.over;
    flow.resume();
    await settled();
    expect(clock.timers).toBe(0);
    await sender.close();
  });
});

describe("the connect timeout", () => {
  const silent: Server[] = [];
  afterEach(() => {
    for (const each of silent.splice(0)) each.close();
  });

  it("covers the TLS handshake, and is exact", async () => {
    let connections = 0;
    const listening = createServer((socket) => {
      connections++;
      socket.on("error", () => undefined);
    });
    silent.push(listening);
    await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
    const { port } = listening.address() as AddressInfo; // it listens on TCP
    const { clock, sender } = timedClient();
    const call = callTo(`https://127.0.0.1:${port}`, { connectTimeoutMs: 150 });
    const failing = failure(sender.send(call, never));
    await until(() => connections === 1);
    await clock.advance(149);
    await clock.advance(1);
    expect(await failing).toMatchObject({ kind: "timeout", sent: false, reason: "connect_timeout" });
    expect(clock.timers).toBe(0);
  });

  it("leaves no timer behind once connected, or refused", async () => {
    const upstream = await server((socket) => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
    const { clock, sender } = timedClient();
    const sink = createCollectingSink();
    (await sender.send(callTo(upstream.origin), never)).body.start(sink);
    await sink.over;
    expect(clock.timers).toBe(0);
    await upstream.close();
    await failure(sender.send(callTo(upstream.origin), never));
    expect(clock.timers).toBe(0);
  });
});

describe("a failure by its name", () => {
  it("is a failed handshake where the other side does not speak TLS", async () => {
    const listening = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
    const { port } = listening.address() as AddressInfo; // it listens on TCP
    const error = await failure(client().send(callTo(`https://127.0.0.1:${port}`), never));
    listening.close();
    expect(error).toMatchObject({ kind: "error", sent: false, reason: "tls" });
  });

  it("tells a reset from an early end, before the head and after it", async () => {
    const cases = [
      ["", true, "reset_before_head"],
      ["", false, "closed_before_head"],
      [`${chunkedHead}${chunk("half")}`, true, "reset_after_head"],
      [`${chunkedHead}${chunk("half")}`, false, "closed_after_head"],
    ] as const;
    for (const [bytes, isReset, reason] of cases) {
      const sink = createCollectingSink();
      const upstream = await server((socket) => {
        socket.write(bytes);
        if (bytes === "") return isReset ? socket.resetAndDestroy() : socket.end();
        return void until(() => sink.text === "half").then(() =>
          isReset ? socket.resetAndDestroy() : socket.end(),
        );
      });
      const sending = client().send(callTo(upstream.origin), never);
      if (bytes === "") {
        expect((await failure(sending)).reason).toBe(reason);
        continue;
      }
      (await sending).body.start(sink);
      await sink.over;
      expect(sink.failure).toMatchObject({ reason });
    }
  });
});
