/** The HTTP/1.1 front: turns node's requests into exchanges, and replies into bytes the client paces. */
import { createServer, type Server } from "node:http";
import type { Socket } from "node:net";
import { toGatewayError } from "../errors.ts";
import { Roster } from "../util/roster.ts";
import { acceptConnections, bind, type ConnectionSource, type Place } from "./connection-source.ts";
import type { Exchange } from "./exchange.ts";
import { clientGoneStatus, type ExchangeEnd, type ListenerServices, LiveExchange } from "./live-exchange.ts";
import type { Reply, ReplyHeaders } from "./reply.ts";
import { createTlsEntrance, type TlsEntrance, type TlsEntranceOptions } from "./tls-entrance.ts";

export type { ConnectionSource } from "./connection-source.ts";
export type { ExchangeEnd, ListenerServices } from "./live-exchange.ts";

export interface ListenerHandler {
  /** Answers an exchange; what it throws is rendered through the error table. */
  handle(exchange: Exchange): Promise<Reply>;
  /** Last touch on the reply to a request that `handle` threw for. */
  rejectHeaders?(reply: Reply, exchange: Exchange): void;
  /**
   * After the last byte, or when the client is gone; `error` is what `handle` threw. Must not throw. The exchange counts as
   * running until the promise, if there is one, has resolved.
   */
  done?(exchange: Exchange, end: ExchangeEnd, error: Error | undefined): void | Promise<void>;
}

/** What has come in since the start, in whichever way. */
export interface Traffic {
  /** Connections; by TLS, those whose handshake succeeded. */
  readonly accepted: number;
  /** Connections that are open now. */
  readonly open: number;
  readonly requests: number;
}

export interface Listener {
  readonly port: number;
  readonly address: string;
  /** Exchanges that have begun and not ended. */
  readonly running: number;
  readonly traffic: Traffic;
  /** Serves clients that speak TLS too, in every other respect as the plain ones. Rejects as `listen` does. */
  openSecure(where: Place | ConnectionSource, options: SecureEntranceOptions): Promise<SecureEntrance>;
  /** Stops accepting; resolves when running exchanges have ended, or after the deadline, when they are cut. */
  close(deadlineMs: number): Promise<void>;
}

/** A way in for clients that speak TLS, beside the plain one. */
export interface SecureEntrance {
  readonly port: number;
  readonly address: string;
  /** The certificates are others now: handshakes that begin from now on show them. */
  renew(): void;
}

export type SecureEntranceOptions = Omit<TlsEntranceOptions, "onSecure">;

/** Starts to listen; rejects with a message that names the address when that fails. */
export async function listen(
  where: Place | ConnectionSource,
  handler: ListenerHandler,
  services: ListenerServices,
): Promise<Listener> {
  const running = new Roster<LiveExchange>();
  const traffic = { accepted: 0, open: 0, requests: 0 };
  let isClosing = false;
  const server = createServer({ keepAlive: true, noDelay: true }, (request, response) => {
    const exchange = new LiveExchange(request, response, services);
    // On a connection that had asked nothing before: node counts those as busy.
    if (isClosing) exchange.announceClose();
    running.add(exchange);
    traffic.requests++;
    void serve(exchange, handler, () => {
      running.delete(exchange);
      if (running.size === 0) onIdle();
    });
  });
  // nginx's keepalive_timeout; long enough that clients that pool connections do not race our close.
  server.keepAliveTimeout = 75_000;
  server.on("connection", (socket: Socket) => {
    traffic.accepted++;
    traffic.open++;
    socket.once("close", () => traffic.open--);
  });
  let onIdle: () => void = () => undefined;
  const sources: ConnectionSource[] = "open" in where ? [where] : [];
  const entrances: TlsEntrance[] = [];
  const { port, address } = "open" in where ? adopt(server, where) : await bind(server, where);

  return {
    port,
    address,
    get running() {
      return running.size;
    },
    get traffic() {
      return { ...traffic };
    },
    async openSecure(at, options) {
      const entrance = createTlsEntrance({
        ...options,
        onSecure: (socket) => void (isClosing ? socket.destroy() : server.emit("connection", socket)),
      });
      const source = "open" in at ? at : await acceptConnections(at); // last: what throws leaves no port open
      sources.push(source);
      entrances.push(entrance);
      source.open((socket) => entrance.take(socket));
      return { address: source.address, port: source.port, renew: () => entrance.renew() };
    },
    async close(deadlineMs) {
      isClosing = true;
      for (const source of sources) source.close();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      for (const exchange of running) exchange.announceClose();
      if (running.size > 0) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, deadlineMs);
          onIdle = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      server.closeAllConnections();
      for (const entrance of entrances) entrance.close();
      await closed;
    },
  };
}

/** Serves connections of another's listener as if they were the server's own. */
function adopt(
  server: Server,
  source: ConnectionSource,
): { readonly port: number; readonly address: string } {
  // What a server does when it begins to listen: without it node would neither know its idle connections, so that a
  // stop would wait for them, nor time out heads that never end.
  server.emit("listening");
  source.open((socket) => {
    socket.allowHalfOpen = true; // as node's server makes its own: a client may end its side and await the answer
    socket.setNoDelay(true);
    socket.setKeepAlive(true);
    server.emit("connection", socket);
  });
  return { port: source.port, address: source.address };
}

/** Never rejects; `onEnd` is called in any case. */
async function serve(exchange: LiveExchange, handler: ListenerHandler, onEnd: () => void): Promise<void> {
  const reject = (thrown: unknown): Reply => {
    // Not a failure of anybody: what was under way has been given up because nobody waits for it.
    const reply = exchange.leftWith(thrown) ? unanswered() : errorReply(thrown, exchange.id);
    handler.rejectHeaders?.(reply, exchange);
    return reply;
  };
  let reply: Reply;
  let end: ExchangeEnd;
  try {
    reply = await handler.handle(exchange);
  } catch (thrown) {
    reply = reject(thrown);
  }
  try {
    end = await exchange.send(reply);
  } catch (thrown) {
    // E.g. a header with a character that headers may not have: this exchange's trouble, not the process's.
    reply = reject(thrown);
    end = await exchange.send(reply);
  }
  try {
    const doing = handler.done?.(exchange, end, reply.error);
    if (doing !== undefined) await doing;
  } finally {
    onEnd();
  }
}

function unanswered(): Reply {
  return { status: clientGoneStatus, headers: {}, body: undefined };
}

/** The one door by which errors leave before the first byte. */
export function errorReply(thrown: unknown, requestId: string): Reply {
  const error = toGatewayError(thrown);
  const headers: ReplyHeaders = { "content-type": "application/json; charset=utf-8" };
  if (error.retryAfterSeconds !== undefined)
    headers["retry-after"] = String(Math.ceil(error.retryAfterSeconds));
  if (error.challenge !== undefined) headers["www-authenticate"] = error.challenge;
  if (error.upgrade !== undefined) Object.assign(headers, { connection: "Upgrade", upgrade: error.upgrade });
  return { status: error.status, headers, body: error.toBody(requestId), error };
}
