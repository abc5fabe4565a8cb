/** A listener whose connections another accepts. */
import { createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { getRequest, listenerServices, textReply } from "../../test/support/listening.ts";
import { openRawClient } from "../../test/support/raw-http.ts";
import { until } from "../../test/support/until.ts";
import { readBody } from "./body.ts";
import { type ConnectionSource, type Listener, listen } from "./listener.ts";

let acceptor: Server | undefined;
let listener: Listener | undefined;
afterEach(async () => {
  await listener?.close(0);
  acceptor?.close();
});

async function serve(
  alter: (socket: Socket) => Socket = (socket) => socket,
): Promise<{ readonly port: number; readonly isClosed: () => boolean }> {
  let take: ((socket: Socket) => void) | undefined;
  let isClosed = false;
  const server = createServer((socket) => take?.(alter(socket)));
  acceptor = server;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const source: ConnectionSource = {
    address: "127.0.0.1",
    port,
    open(to) {
      take = to;
    },
    close() {
      isClosed = true;
    },
  };
  const handle = async (exchange: Parameters<Parameters<typeof listen>[1]["handle"]>[0]) =>
    textReply(`${exchange.request.clientIp} ${await readBody(exchange.request.body, 0, undefined)}`);
  listener = await listen(source, { handle }, listenerServices);
  return { port, isClosed: () => isClosed };
}

describe("connections that another has accepted", () => {
  it("are served like the listener's own, one request after another", async () => {
    const { port } = await serve();
    expect([listener?.address, listener?.port]).toEqual(["127.0.0.1", port]);
    const client = await openRawClient(port);
    client.send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nfirst");
    await client.receives(/127\.0\.0\.1 first/);
    client.send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 6\r\n\r\nsecond");
    await client.receives(/127\.0\.0\.1 second/);
    client.socket.destroy();
  });

  it("from IPv4 clients by a socket for both kinds are told by their IPv4 address", async () => {
    const mapped = { get: () => "::ffff:192.0.2.1" };
    const { port } = await serve((socket) => Object.defineProperty(socket, "remoteAddress", mapped));
    const client = await openRawClient(port);
    client.send(getRequest());
    await client.receives(/\r\n192\.0\.2\.1 $/);
    client.socket.destroy();
  });

  it("get their answer though the client has ended its side", async () => {
    const { port } = await serve();
    const client = await openRawClient(port);
    client.socket.end(getRequest());
    await client.receives(/200 OK[\s\S]*127\.0\.0\.1/);
  });

  it("are closed at a stop when they are only kept, and the source is told", async () => {
    const { port, isClosed } = await serve();
    const client = await openRawClient(port);
    client.send(getRequest());
    await client.receives(/127\.0\.0\.1/);
    await listener?.close(60_000);
    await until(() => client.isClosed);
    expect(isClosed()).toBe(true);
  });
});
