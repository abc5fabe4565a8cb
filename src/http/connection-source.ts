/** Where a listener's connections come from: a port of this process, or another process that has accepted them. */
import { type AddressInfo, createServer, type Socket } from "node:net";

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
  await new Promise<void>((resolve, reject) => {
    const refuse = (cause: Error) => reject(cannotListen(where, cause));
    server.once("error", refuse);
    server.listen(where.port, where.host, () => {
      server.off("error", refuse);
      resolve();
    });
  });
  const { address, port } = server.address() as AddressInfo; // a TCP server that listens has one
  return {
    address,
    port,
    open(to) {
      take = to;
    },
    close: () => void server.close(),
  };
}

/** The error of an address that cannot be had. */
export function cannotListen({ host, port }: Place, cause: Error): Error {
  return new Error(`cannot listen on ${host}:${port}: ${cause.message}`, { cause });
}
