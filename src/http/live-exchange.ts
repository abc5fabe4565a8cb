/** An exchange as the listener holds it: the client's request, and the way back at the client's pace. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Admission } from "../budgets/admission.ts";
import type { Consumer, ConsumerIndex } from "../consumers/consumer.ts";
import type { AiFacts } from "../llm/ai-facts.ts";
import type { RouteMatch } from "../router/router.ts";
import type { Seated } from "../util/roster.ts";
import { LightCancellation } from "./cancellation.ts";
import type {
  Attempt,
  ClientRequest,
  ClientTls,
  Exchange,
  ExchangeTrace,
  OnwardRequest,
  ServiceRecord,
} from "./exchange.ts";
import { type BodyFlow, isBodyStream, type Reply, type ReplyHeaders } from "./reply.ts";
import { plainAddress, type Trust, toldIp, toldScheme } from "./trusted-ips.ts";

export interface ListenerServices {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
  readonly newId: () => string;
  /** Clients that are proxies of ours. Default: none are. */
  readonly trusts?: Trust | undefined;
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

/** nginx's status, in its log, of a request whose client left before an answer had begun. */
export const clientGoneStatus = 499;

/** The exchange as the listener holds it: the client's request and the way back. */
export class LiveExchange implements Exchange, Seated {
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
    const tls = tlsOf(request.socket);
    const peerIp = plainAddress(request.socket.remoteAddress ?? "");
    const isTrusted = services.trusts?.(peerIp) === true;
    const scheme = tls === undefined ? "http" : "https";
    this.request = {
      method: request.method ?? "GET",
      path: mark === -1 ? url : url.slice(0, mark),
      query: mark === -1 ? "" : url.slice(mark + 1),
      headers: request.headers,
      rawHeaders: request.rawHeaders,
      clientIp: isTrusted ? (toldIp(request.headers) ?? peerIp) : peerIp,
      scheme: isTrusted ? (toldScheme(request.headers) ?? scheme) : scheme,
      tls,
      isTrusted,
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
    if (isUnread) closeAfter(reply.headers);
    response.writeHead(reply.status, reply.headers);
    const sent = this.request.method === "HEAD" || !hasBody ? undefined : body;
    if (isUnread) this.#linger(sent);
    else response.end(sent);
    return sent === undefined ? 0 : length;
  }
}

/** Asked for once for each connection. */
const tlsOfSockets = new WeakMap<Socket, ClientTls>();

function tlsOf(socket: Socket): ClientTls | undefined {
  const { encrypted } = socket as Socket & { readonly encrypted?: true }; // a TLSSocket has it
  return encrypted === undefined ? undefined : (tlsOfSockets.get(socket) ?? readTls(socket as TLSSocket));
}

function readTls(socket: TLSSocket): ClientTls {
  const { servername } = socket as { readonly servername?: string | false | null }; // node's types know no false
  const version = socket.getProtocol() ?? "";
  const tls = Object.freeze({ serverName: servername || "", version, cipher: socket.getCipher().name });
  tlsOfSockets.set(socket, tls);
  return tls;
}

/** Has the connection closed after this answer, whatever else the header says. */
function closeAfter(headers: ReplyHeaders): void {
  const { connection } = headers;
  headers["connection"] = connection === undefined ? "close" : `${String(connection)}, close`;
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
