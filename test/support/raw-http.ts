/** Both ends of a TCP connection on which a test writes HTTP by hand. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { until } from "./until.ts";

export interface RawClient {
  readonly socket: Socket;
  /** All that has come so far, as Latin-1. */
  readonly received: string;
  readonly isClosed: boolean;
  send(text: string | Uint8Array): void;
  /** Waits for bytes that match. */
  receives(pattern: RegExp): Promise<string>;
  closed(): Promise<void>;
}

export async function openRawClient(port: number): Promise<RawClient> {
  const socket = connect({ port, host: "127.0.0.1" });
  let received = "";
  let isClosed = false;
  socket.on("data", (bytes) => {
    received += bytes.toString("latin1");
  });
  socket.on("close", () => {
    isClosed = true;
  });
  socket.on("error", () => undefined); // a close follows
  await new Promise((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  return {
    socket,
    get received() {
      return received;
    },
    get isClosed() {
      return isClosed;
    },
    send: (text) => void socket.write(text),
    async receives(pattern) {
      await until(() => pattern.test(received) || isClosed);
      if (!pattern.test(received))
        throw new Error(`closed without ${pattern}; received ${JSON.stringify(received)}`);
      return received;
    },
    closed: () => until(() => isClosed),
  };
}

export interface RawServer {
  readonly port: number;
  readonly origin: string;
  /** The connections so far. */
  readonly sockets: readonly Socket[];
  /** What each connection has sent so far. */
  readonly received: readonly string[];
  close(): Promise<void>;
}

/** Calls `onRequest` whenever a connection has sent a head to its end; `sofar` is all it has sent. */
export async function openRawServer(onRequest: (socket: Socket, sofar: string) => void): Promise<RawServer> {
  const sockets: Socket[] = [];
  const received: string[] = [];
  const server = createServer((socket) => {
    const index = sockets.push(socket) - 1;
    received[index] = "";
    socket.on("error", () => undefined); // a close follows
    socket.on("data", (bytes) => {
      received[index] += bytes.toString("latin1");
      if (bytes.includes("\r\n\r\n")) onRequest(socket, received[index] ?? "");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // a TCP server that listens has one
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    sockets,
    received,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
