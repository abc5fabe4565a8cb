/** Where a listener's connections come from: a port of this process, or another process that has accepted them. */
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

export interface Place {
  readonly host: string;
  readonly port: number;
}

/** Connections that somebody else accepts, e.g. another process for several. */
export interface ConnectionSource {
  /** Where clients connect. */
  readonly address: string;
  readonly port: number;
  /** Hands over every connection from now on, none of its bytes read. */
  open(take: (socket: Socket) => void): void;
  /** After it no connection comes any more. */
  close(): void;
}

/**
 * Listens, and accepts connections without reading from them. Those that come before `open` are closed. Rejects with a
 * message that names the address when that cannot be had.
 */
export async function acceptConnections(where: Place): Promise<ConnectionSource> {
  let take = (socket: Socket): void => void socket.destroy();
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => take(socket));
  const { address, port } = await bind(server, where);
  return {
    address,
    port,
    open(to) {
      take = to;
    },
    close: () => void server.close(),
  };
}

/** Has the server listen. Rejects with a message that names the address when that cannot be had. */
export async function bind(server: Server, where: Place): Promise<AddressInfo> {
  await new Promise<void>((resolve, reject) => {
    const refuse = (cause: Error) =>
      reject(new Error(`cannot listen on ${where.host}:${where.port}: ${cause.message}`, { cause }));
    server.once("error", refuse);
    server.listen(where.port, where.host, () => {
      server.off("error", refuse);
      resolve();
    });
  });
  return server.address() as AddressInfo; // a TCP server that listens has one
}
