/** The HTTP/1.1 front: turns node's requests into exchanges, and replies into bytes the client paces. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Admission } from "../budgets/admission.ts";
import type { Consumer, ConsumerIndex } from "../consumers/consumer.ts";
import { toGatewayError } from "../errors.ts";
import type { AiFacts } from "../llm/ai-facts.ts";
import type { RouteMatch } from "../router/router.ts";
import { Roster } from "../util/roster.ts";
import { LightCancellation } from "./cancellation.ts";
import type {
  Attempt,
  ClientRequest,
  Exchange,
  ExchangeTrace,
  OnwardRequest,
  ServiceRecord,
} from "./exchange.ts";
import { type BodyFlow, isBodyStream, type Reply, type ReplyHeaders } from "./reply.ts";

export interface ListenerServices {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
  readonly newId: () => string;
}

/** How an exchange ended, as the listener saw it. */
export interface ExchangeEnd {
  /** As sent; 499 where the client had left before. */
  readonly status: number;
  readonly headers: ReplyHeaders;
  /** Body bytes sent. */
  readonly bytesSent: number;
  /** The client left before the last byte. */
  readonly clientAborted: boolean;
}

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

export interface Listener {
  readonly port: number;
  readonly address: string;
  /** Exchanges that have begun and not ended. */
  readonly running: number;
  /** Stops accepting; resolves when running exchanges have ended, or after the deadline, when they are cut. */
  close(deadlineMs: number): Promise<void>;
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

/** Starts to listen; rejects with a message that names the address when that fails. */
export async function listen(
  where: { readonly host: string; readonly port: number } | ConnectionSource,
  handler: ListenerHandler,
  services: ListenerServices,
): Promise<Listener> {
  const running = new Roster<LiveExchange>();
  const server = createServer({ keepAlive: true, noDelay: true }, (request, response) => {
    const exchange = new LiveExchange(request, response, services);
    running.add(exchange);
    void serve(exchange, handler, () => {
      running.delete(exchange);
      if (running.size === 0) onIdle();
    });
  });
  // nginx's keepalive_timeout; long enough that clients that pool connections do not race our close.
  server.keepAliveTimeout = 75_000;
  let onIdle: () => void = () => undefined;
  const source = "open" in where ? where : undefined;
  const { port, address } = "open" in where ? adopt(server, where) : await bind(server, where);

  return {
    port,
    address,
    get running() {
      return running.size;
    },
    async close(deadlineMs) {
      source?.close();
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

async function bind(
  server: Server,
  where: { readonly host: string; readonly port: number },
): Promise<AddressInfo> {
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

/** nginx's status, in its log, of a request whose client left before an answer had begun. */
const clientGoneStatus = 499;

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
  return { status: error.status, headers, body: error.toBody(requestId), error };
}

/** The exchange as the listener holds it: the client's request and the way back. */
class LiveExchange implements Exchange {
  readonly id: string;
  readonly request: ClientRequest;
  onward: OnwardRequest;
  readonly startedAtMs: number;
  readonly startedAt: number;
  readonly attempts: Attempt[] = [];
  readonly cancellation = new LightCancellation();
  route?: RouteMatch;
  service?: ServiceRecord;
  consumers?: ConsumerIndex;
  consumer?: Consumer;
  credential?: { readonly id: string } | undefined;
  trace?: ExchangeTrace;
  admission?: Admission;
  ai?: AiFacts;
  seat = 0;
  readonly #response: ServerResponse;
  #abort: AbortController | undefined;
  /** We ended the answer before its time, not the client. */
  #isCut = false;
  #flow: BodyFlow | undefined;
  /** Whoever waits for the answer to be over. */
  #onClose: (() => void) | undefined;

  constructor(request: IncomingMessage, response: ServerResponse, services: ListenerServices) {
    this.id = services.newId();
    this.startedAt = services.now();
    this.startedAtMs = services.wallClock();
    this.#response = response;
    const url = originForm(request.url ?? "/");
    const mark = url.indexOf("?");
    this.request = {
      method: request.method ?? "GET",
      path: mark === -1 ? url : url.slice(0, mark),
      query: mark === -1 ? "" : url.slice(mark + 1),
      headers: request.headers,
      rawHeaders: request.rawHeaders,
      clientIp: request.socket.remoteAddress ?? "",
      body: request,
    };
    this.onward = { toService: this.request, toVendor: this.request };
    // Comes after `finish` too, so that one listener tells every end.
    response.on("close", () => {
      if (!response.writableFinished && !this.#isCut) this.#leave();
      this.#onClose?.();
    });
  }

  /** Made on first use: most exchanges need none. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      const abort = new AbortController();
      this.#abort = abort;
      if (this.cancellation.aborted) abort.abort(this.cancellation.reason);
      else this.cancellation.addEventListener("abort", () => abort.abort(this.cancellation.reason));
    }
    return this.#abort.signal;
  }

  #leave(): void {
    const reason = new Error("the client is gone");
    this.#flow?.cancel(reason);
    this.cancellation.cancel(reason);
  }

  /** True for what a stage throws because the client is gone. */
  leftWith(thrown: unknown): boolean {
    return this.cancellation.aborted && thrown === this.cancellation.reason;
  }

  /** Asks the client not to reuse the connection. */
  announceClose(): void {
    if (!this.#response.headersSent) this.#response.setHeader("connection", "close");
    else this.#response.shouldKeepAlive = false;
  }

  /**
   * Resolves when the last byte has been handed over, or the client has gone. Rejects when the reply cannot be sent;
   * then another may be, and where the first had begun the connection is closed instead.
   */
  send(reply: Reply): Promise<ExchangeEnd> {
    const response = this.#response;
    return new Promise((resolve) => {
      let bytesSent = 0;
      const finish = () =>
        resolve({
          status: response.headersSent ? reply.status : clientGoneStatus,
          headers: reply.headers,
          bytesSent,
          clientAborted: !response.writableFinished && !this.#isCut,
        });
      if (response.headersSent) this.#cut();
      if (this.cancellation.aborted || response.destroyed) {
        drop(reply.body);
        finish();
        return;
      }
      this.#onClose = finish;
      if (!isBodyStream(reply.body)) {
        bytesSent = this.#sendWhole(reply, reply.body);
        return;
      }
      try {
        response.writeHead(reply.status, reply.headers);
      } catch (error) {
        drop(reply.body);
        throw error;
      }
      this.#flow = reply.body.start({
        write: (chunk) => {
          bytesSent += typeof chunk === "string" ? Buffer.byteLength(chunk) : chunk.byteLength;
          return response.write(chunk);
        },
        end: () => {
          response.end();
          this.#discardRest();
        },
        fail: () => this.#cut(),
      });
      response.on("drain", () => this.#flow?.resume());
      if (bytesSent === 0 && !response.writableEnded) response.flushHeaders();
    });
  }

  #cut(): void {
    this.#isCut = true;
    this.#response.destroy();
  }

  /**
   * Answers before the request has been read to its end. Closing at once would reset the connection and could
   * destroy the answer on its way (RFC 9112, 9.6), so what still comes is read and thrown away for a while.
   */
  #linger(body: Uint8Array | string | undefined): void {
    const response = this.#response;
    if (body !== undefined) response.write(body);
    const end = () => {
      clearTimeout(timer);
      response.end();
    };
    const timer = setTimeout(end, lingerMs);
    this.request.body.once("end", end);
    this.request.body.once("close", end);
    this.request.body.unpipe();
    this.request.body.resume();
  }

  /**
   * A streamed answer can end before its request has. What still comes is read and thrown away for a while, since the
   * connection's next request stands behind it.
   */
  #discardRest(): void {
    const { body } = this.request;
    if (body.readableEnded || body.destroyed || !hasRequestBody(this.request)) return;
    const timer = setTimeout(() => body.destroy(), lingerMs);
    body.once("close", () => clearTimeout(timer));
    body.unpipe();
    body.resume();
  }

  #sendWhole(reply: Reply, body: Uint8Array | string | undefined): number {
    const response = this.#response;
    const length =
      body === undefined ? 0 : typeof body === "string" ? Buffer.byteLength(body) : body.byteLength;
    const hasBody = reply.status !== 204 && reply.status !== 304;
    if (hasBody && reply.headers["content-length"] === undefined)
      reply.headers["content-length"] = String(length);
    const isUnread = !this.request.body.readableEnded && hasRequestBody(this.request);
    if (isUnread) reply.headers["connection"] = "close";
    response.writeHead(reply.status, reply.headers);
    const sent = this.request.method === "HEAD" || !hasBody ? undefined : body;
    if (isUnread) this.#linger(sent);
    else response.end(sent);
    return sent === undefined ? 0 : length;
  }
}

/** `GET http://host/path` is allowed in requests to a server too (RFC 9112, 3.2.2); the path is what counts. */
function originForm(target: string): string {
  if (target.startsWith("/")) return target;
  const match = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*(.*)$/i.exec(target);
  if (match === null) return target;
  const rest = match[1] ?? "";
  return rest.startsWith("/") ? rest : `/${rest}`;
}

function hasRequestBody(request: ClientRequest): boolean {
  return (
    request.headers["transfer-encoding"] !== undefined || (request.headers["content-length"] ?? "0") !== "0"
  );
}

/** How long a client that is still sending may go on after it got its answer (nginx: lingering_timeout). */
const lingerMs = 5_000;

const nullSink = { write: () => true, end: () => undefined, fail: () => undefined };

/** Stops a body that nobody will read. */
function drop(body: Reply["body"]): void {
  if (isBodyStream(body)) body.start(nullSink).cancel(new Error("the client is gone"));
}
