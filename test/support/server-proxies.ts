/** Ends of the network that misbehave: one that never answers, and one between a client and its server. */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

export interface BlackHole {
  readonly host: string;
  readonly port: number;
  /** Connections taken so far. */
  connections(): number;
  stop(): Promise<void>;
}

/** A port that takes connections and whatever is sent, and never answers. */
export async function startBlackHole(): Promise<BlackHole> {
  const open = new Set<Socket>();
  let count = 0;
  const server = createServer((socket) => {
    count++;
    keepUntilClosed(open, socket);
    socket.resume();
  });
  return { ...(await listening(server)), connections: () => count, stop: () => close(server, open) };
}

export interface TcpProxy {
  readonly host: string;
  readonly port: number;
  /** Connections taken so far. */
  connections(): number;
  /** No byte passes any more, in either direction; connections stay open and new ones are taken. */
  pause(): void;
  /** What was held back passes. */
  resume(): void;
  /** Resets all connections, and each new one at once, until `restore`. */
  cut(): void;
  restore(): void;
  /** Resets the connections there are; new ones are welcome: what a pooler or a failover does to idle clients. */
  dropConnections(): void;
  stop(): Promise<void>;
}

/** A port that leads to another one. */
export async function startProxy(target: {
  readonly host: string;
  readonly port: number;
}): Promise<TcpProxy> {
  const open = new Set<Socket>();
  let count = 0;
  let isPaused = false;
  let isCut = false;
  const dropConnections = () => {
    for (const socket of open) socket.resetAndDestroy();
  };
  // Half-open: the end of one direction is passed on as just that.
  const server = createServer({ allowHalfOpen: true }, (client) => {
    count++;
    keepUntilClosed(open, client);
    if (isCut) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect({ port: target.port, host: target.host, allowHalfOpen: true });
    keepUntilClosed(open, upstream);
    relay(client, upstream, () => isPaused);
    relay(upstream, client, () => isPaused);
  });
  return {
    ...(await listening(server)),
    connections: () => count,
    pause() {
      isPaused = true;
      for (const socket of open) socket.pause();
    },
    resume() {
      isPaused = false;
      for (const socket of open) socket.resume();
    },
    cut() {
      isCut = true;
      dropConnections();
    },
    restore() {
      isCut = false;
    },
    dropConnections,
    stop: () => close(server, open),
  };
}

/** Passes bytes on, and the end of them, however it comes. */
function relay(from: Socket, to: Socket, isPaused: () => boolean): void {
  from.on("data", (bytes) => {
    if (to.write(bytes)) return;
    from.pause();
    to.once("drain", () => {
      if (!isPaused()) from.resume();
    });
  });
  from.on("end", () => to.end());
  from.on("close", (hadError) => (hadError ? to.destroy() : to.end()));
  if (isPaused()) from.pause();
}

function keepUntilClosed(open: Set<Socket>, socket: Socket): void {
  open.add(socket);
  socket.on("error", () => undefined); // a close follows
  socket.on("close", () => open.delete(socket));
}

async function listening(server: Server): Promise<{ readonly host: string; readonly port: number }> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server listens on no port");
  return { host: "127.0.0.1", port: address.port };
}

async function close(server: Server, open: ReadonlySet<Socket>): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, "close");
  server.close();
  for (const socket of open) socket.destroy();
  await closed;
}
