/** A server of the test's own making, for what the simulator does not do. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net";

export interface Upstream {
  readonly port: number;
  readonly url: string;
  /** Ends every connection at once. */
  close(): Promise<void>;
}

/** An HTTP server on a free port. */
export function startUpstream(handle: RequestListener): Promise<Upstream> {
  const server = createServer(handle);
  server.keepAliveTimeout = 90_000;
  return listen(server);
}

/** A server that says `answer` to whatever it is sent first, and closes. */
export function startRawUpstream(answer: string): Promise<Upstream> {
  return listen(createTcpServer((socket) => socket.once("data", () => socket.end(answer))));
}

/** A server that takes connections and reads nothing from them. */
export function startDeafUpstream(): Promise<Upstream> {
  return listen(createTcpServer({ pauseOnConnect: true }));
}

/** The whole body of a request. */
export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function listen(server: Server): Promise<Upstream> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // a listening TCP server has one
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    async close() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
