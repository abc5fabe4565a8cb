/** Calls upstream servers over kept connections, with every failure named the way nginx names it. */
import { type Dispatcher, Pool } from "undici";
import type { Cancellation } from "./cancellation.ts";
import type { BodyFlow, BodySink, BodyStream } from "./reply.ts";

export interface UpstreamCall {
  /** `https://host:port` */
  readonly origin: string;
  /** Path and query. */
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: string | Uint8Array | AsyncIterable<Uint8Array> | null;
  readonly connectTimeoutMs: number;
  /** Longest gap between two reads, the answer's head included. */
  readonly readTimeoutMs: number;
}

/** Why a call gave no answer, in the words of nginx's `proxy_next_upstream`. */
export type FailureKind = "error" | "timeout" | "invalid_header";

export class UpstreamError extends Error {
  readonly kind: FailureKind;
  /** False: nothing of the request has reached the upstream, so it is safe to send it elsewhere. */
  readonly sent: boolean;
  /** The host's name could not be resolved. */
  readonly isNameResolution: boolean;

  constructor(kind: FailureKind, sent: boolean, cause: unknown) {
    super(describe(cause), { cause });
    this.name = "UpstreamError";
    this.kind = kind;
    this.sent = sent;
    this.isNameResolution = codeOf(cause) === "ENOTFOUND" || codeOf(cause) === "EAI_AGAIN";
  }
}

export interface UpstreamResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: UpstreamBody;
}

export interface UpstreamClient {
  /** Resolves with the answer's head; rejects with `UpstreamError`, or with the signal's reason. */
  send(call: UpstreamCall, signal: Cancellation): Promise<UpstreamResponse>;
  /** Ends idle connections at once and busy ones when they are done. */
  close(): Promise<void>;
}

/** Bytes that may wait for a reader before the upstream is paused: one read of a socket. */
const holdBytes = 64 * 1024;

type Controller = Dispatcher.DispatchController;

/** An answer's body, streamed or dropped. What arrives before it is read waits, bounded. */
export class UpstreamBody implements BodyStream {
  #controller: Controller;
  #sink: BodySink | undefined;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #ended = false;
  #error: Error | undefined;

  constructor(controller: Controller) {
    this.#controller = controller;
  }

  start(sink: BodySink): BodyFlow {
    this.#sink = sink;
    let hasRoom = true;
    for (const chunk of this.#waiting) hasRoom = sink.write(chunk) && hasRoom;
    this.#waiting = [];
    if (this.#error !== undefined) sink.fail(this.#error);
    else if (this.#ended) sink.end();
    else if (!hasRoom) this.#controller.pause();
    else if (this.#controller.paused) this.#controller.resume();
    return {
      resume: () => this.#controller.resume(),
      cancel: (reason) => this.cancel(reason),
    };
  }

  /** Stops the upstream and frees the connection. */
  cancel(reason: Error): void {
    this.#sink = undefined;
    this.#waiting = [];
    if (!this.#ended) this.#controller.abort(reason);
    this.#ended = true;
  }

  /** Used by the client only. */
  accept(chunk: Buffer): void {
    if (this.#ended) return;
    if (this.#sink !== undefined) {
      if (!this.#sink.write(chunk)) this.#controller.pause();
      return;
    }
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes > holdBytes) this.#controller.pause();
  }

  /** Used by the client only. */
  finish(error?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    if (error === undefined) this.#sink?.end();
    else this.#sink?.fail(error);
  }
}

/** Origins whose connections are kept; far above what a config names. */
const maxPools = 512;

/** A client whose connections are kept per origin; `options` are for tests and unusual networks. */
export function createUpstreamClient(options: { readonly keepAliveTimeoutMs?: number } = {}): UpstreamClient {
  const pools = new Map<string, Pool>();

  /** Templates let requests name hosts, so that there may be any number of them over time. */
  const makeRoom = () => {
    const [oldest] = pools;
    if (oldest === undefined || pools.size < maxPools) return;
    pools.delete(oldest[0]);
    // Calls under way on it end as they would have; only then are its connections closed.
    oldest[1].close().catch(() => undefined);
  };

  const poolFor = (origin: string, connectTimeoutMs: number): Pool => {
    const key = `${connectTimeoutMs} ${origin}`;
    let pool = pools.get(key);
    if (pool === undefined) {
      makeRoom();
      pool = new Pool(origin, {
        connect: { timeout: connectTimeoutMs },
        keepAliveTimeout: options.keepAliveTimeoutMs ?? 4_000,
        pipelining: 1,
      });
      pools.set(key, pool);
    }
    return pool;
  };

  return {
    send(call, signal) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) {
          reject(signal.reason);
          return;
        }
        let controller: Controller | undefined;
        let body: UpstreamBody | undefined;
        const onAbort = () => {
          controller?.abort(reasonOf(signal));
          if (body === undefined) reject(signal.reason);
        };
        signal.addEventListener("abort", onAbort);
        const settle = (error?: Error) => {
          signal.removeEventListener("abort", onAbort);
          body?.finish(error);
        };
        poolFor(call.origin, call.connectTimeoutMs).dispatch(
          {
            path: call.path,
            method: call.method as "POST", // undici's type lists the methods; any token is valid on the wire
            headers: call.headers,
            body: call.body as string, // an AsyncIterable is accepted too, the type does not say so
            headersTimeout: call.readTimeoutMs,
            bodyTimeout: call.readTimeoutMs,
          },
          {
            onRequestStart(given) {
              controller = given;
              if (signal.aborted) given.abort(reasonOf(signal));
            },
            onResponseStart(given, status, headers) {
              if (status < 200) return;
              body = new UpstreamBody(given);
              resolve({ status, headers, body });
            },
            onResponseData(_given, chunk) {
              body?.accept(chunk);
            },
            onResponseEnd() {
              settle();
            },
            onResponseError(_given, cause) {
              const error = toUpstreamError(cause, controller !== undefined);
              settle(error);
              if (body === undefined) reject(signal.aborted ? signal.reason : error);
            },
          },
        );
      });
    },
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.close()));
      pools.clear();
    },
  };
}

function reasonOf({ reason }: Cancellation): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}

const timeoutCodes = new Set([
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT",
  "ETIMEDOUT",
]);

function toUpstreamError(cause: unknown, sent: boolean): UpstreamError {
  const code = codeOf(cause);
  if (timeoutCodes.has(code)) return new UpstreamError("timeout", sent, cause);
  if (
    // undici's parser errors have a code only where llhttp gave one.
    (cause instanceof Error && cause.name === "HTTPParserError") ||
    code === "UND_ERR_HEADERS_OVERFLOW" ||
    code === "UND_ERR_RES_CONTENT_LENGTH_MISMATCH"
  ) {
    return new UpstreamError("invalid_header", sent, cause);
  }
  return new UpstreamError("error", sent, cause);
}

function codeOf(cause: unknown): string {
  const code: unknown = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : "";
  if (typeof code === "string" && code !== "") return code;
  // Node wraps the failures of several addresses of one host.
  if (cause instanceof AggregateError) return codeOf(cause.errors[0]);
  return "";
}

function describe(cause: unknown): string {
  const code = codeOf(cause);
  const message = cause instanceof Error ? cause.message : String(cause);
  return code === "" || message.includes(code) ? message : `${message || "failed"} (${code})`;
}
