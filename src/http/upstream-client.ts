/** Calls upstream servers over kept connections, with every failure named the way nginx names it. */
import { type Dispatcher, Pool } from "undici";
import { type Schedule, systemSchedule } from "../util/schedule.ts";
import type { Cancellation } from "./cancellation.ts";
import { type SilenceClock, SilenceWatch } from "./silence-watch.ts";
import { inPieces, Upload } from "./upload.ts";
import { type BodySource, UpstreamBody } from "./upstream-body.ts";
import { createConnector } from "./upstream-connector.ts";
import { toUpstreamError, UpstreamTimeout } from "./upstream-error.ts";
import type { UpstreamTls } from "./upstream-tls.ts";

export interface UpstreamCall {
  /** `https://host:port` */
  readonly origin: string;
  /** Path and query. */
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: string | Uint8Array | AsyncIterable<Uint8Array> | null;
  /** For the name, TCP and TLS together. */
  readonly connectTimeoutMs: number;
  /**
   * Longest wait for the connection to take a piece of the body (64 KiB, or what a stream gives), until the answer's head
   * has come. A wait for the stream itself is not counted, and a body of one piece not watched.
   */
  readonly writeTimeoutMs: number;
  /**
   * Longest gap between two reads, the wait for the answer's head included, from the end of the request on; exact to some
   * milliseconds. While the reader has asked for a pause, it does not run.
   */
  readonly readTimeoutMs: number;
  /** For `https`, where it is not as for all others: the certificate is checked, and none is shown. */
  readonly tls?: UpstreamTls | undefined;
}

export interface UpstreamResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: UpstreamBody;
}

export interface UpstreamClient {
  /** Resolves with the answer's head; rejects with `UpstreamError`, or with the signal's reason. An abort after the head fails the body. */
  send(call: UpstreamCall, signal: Cancellation): Promise<UpstreamResponse>;
  /** Ends idle connections at once and busy ones when they are done. */
  close(): Promise<void>;
}

export interface UpstreamClientOptions {
  /** How long an idle connection is kept, in milliseconds. Default 4000. */
  readonly keepAliveTimeoutMs?: number;
  /** Default: the machine's. */
  readonly now?: () => number;
  readonly schedule?: Schedule;
}

/** Origins whose connections are kept; far above what a config names. */
const maxPools = 512;

/** A client whose connections are kept per origin and TLS settings; `options` are for tests and unusual networks. */
export function createUpstreamClient(options: UpstreamClientOptions = {}): UpstreamClient {
  const { keepAliveTimeoutMs = 4_000, now = () => performance.now(), schedule = systemSchedule } = options;
  const clock = { now, schedule };
  const pools = new Map<string, Pool>();

  /** Templates let requests name hosts, so that there may be any number of them over time. */
  const makeRoom = () => {
    const [oldest] = pools;
    if (oldest === undefined || pools.size < maxPools) return;
    pools.delete(oldest[0]);
    // Calls under way on it end as they would have; only then are its connections closed.
    oldest[1].close().catch(() => undefined);
  };

  const poolFor = ({ connectTimeoutMs, origin, tls }: UpstreamCall): Pool => {
    const key =
      tls === undefined ? `${connectTimeoutMs} ${origin}` : `${connectTimeoutMs} ${origin} ${tls.id}`;
    let pool = pools.get(key);
    if (pool === undefined) {
      makeRoom();
      pool = new Pool(origin, {
        connect: createConnector(connectTimeoutMs, schedule, tls),
        keepAliveTimeout: keepAliveTimeoutMs,
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
        const onTheWire = new CallOnTheWire({ call, signal, clock, resolve, reject });
        poolFor(call).dispatch(
          {
            path: call.path,
            method: call.method as "POST", // undici's type lists the methods; any token is valid on the wire
            headers: onTheWire.headers,
            body: (onTheWire.upload ?? call.body) as string, // an AsyncIterable is accepted too, the type does not say so
            // The waits are our own to time.
            headersTimeout: 0,
            bodyTimeout: 0,
          },
          onTheWire,
        );
      });
    },
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.close()));
      pools.clear();
    },
  };
}

type Controller = Dispatcher.DispatchController;

interface CallParts {
  readonly call: UpstreamCall;
  readonly signal: Cancellation;
  readonly clock: SilenceClock;
  readonly resolve: (response: UpstreamResponse) => void;
  readonly reject: (reason: unknown) => void;
}

/** One call from its dispatch to the last byte of its answer. */
class CallOnTheWire implements Dispatcher.DispatchHandler, BodySource {
  readonly headers: UpstreamCall["headers"];
  /** The body, unless it goes out at once. */
  readonly upload: Upload | undefined;
  readonly #parts: CallParts;
  readonly #watch: SilenceWatch;
  readonly #onAbort = () => this.#giveUp();
  #controller: Controller | undefined;
  #body: UpstreamBody | undefined;
  #isOver = false;

  constructor(parts: CallParts) {
    const { call, clock } = parts;
    this.#parts = parts;
    this.#watch = new SilenceWatch(clock, call.readTimeoutMs, () =>
      this.abort(new UpstreamTimeout("READ_TIMEOUT", call.readTimeoutMs)),
    );
    const pieces = inPieces(call.body);
    if (pieces !== undefined) this.upload = this.#uploadOf(pieces.source);
    this.headers =
      pieces?.length === undefined
        ? call.headers
        : { ...call.headers, "content-length": String(pieces.length) };
    parts.signal.addEventListener("abort", this.#onAbort);
  }

  // What undici tells.

  onRequestStart(controller: Controller): void {
    this.#controller = controller;
    if (this.#parts.signal.aborted) controller.abort(reasonOf(this.#parts.signal));
    else if (this.upload === undefined) this.#watch.start();
  }

  onResponseStart(
    _controller: Controller,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    if (status < 200) {
      this.#watch.heard();
      return;
    }
    this.upload?.answered();
    this.#watch.start();
    this.#body = new UpstreamBody(this);
    this.#parts.resolve({ status, headers, body: this.#body });
  }

  onResponseData(_controller: Controller, chunk: Buffer): void {
    this.#watch.heard();
    this.#body?.accept(chunk);
  }

  onResponseEnd(): void {
    this.#settle();
  }

  onResponseError(_controller: Controller, cause: Error): void {
    const { signal, reject } = this.#parts;
    const error = toUpstreamError(cause, this.#controller !== undefined, this.#body !== undefined);
    this.#settle(error);
    if (this.#body === undefined) reject(signal.aborted ? signal.reason : error);
  }

  // What the body's reader asks for.

  get paused(): boolean {
    return this.#controller?.paused === true;
  }

  pause(): void {
    this.#watch.stop();
    this.#controller?.pause();
  }

  resume(): void {
    if (this.#isOver) return; // readers drain for a while after the last byte has come
    this.#watch.start();
    this.#controller?.resume();
  }

  abort(reason: Error): void {
    this.#controller?.abort(reason);
  }

  /** The wait for the answer begins where the wait for the connection to take the request ends. */
  #uploadOf(source: AsyncIterable<Uint8Array>): Upload {
    const { clock, call } = this.#parts;
    const watch = new SilenceWatch(clock, call.writeTimeoutMs, () =>
      this.abort(new UpstreamTimeout("WRITE_TIMEOUT", call.writeTimeoutMs)),
    );
    const onSent = () => {
      if (this.#body === undefined) this.#watch.start();
    };
    return new Upload({ source, watch, onSent });
  }

  #giveUp(): void {
    this.#controller?.abort(reasonOf(this.#parts.signal));
    if (this.#body === undefined) this.#parts.reject(this.#parts.signal.reason);
  }

  #settle(error?: Error): void {
    this.#isOver = true;
    this.#watch.stop();
    // A body of which nothing was sent may yet be sent elsewhere.
    if (this.#controller !== undefined) this.upload?.leave(error ?? new Error("the answer has ended"));
    this.#parts.signal.removeEventListener("abort", this.#onAbort);
    this.#body?.finish(error);
  }
}

function reasonOf({ reason }: Cancellation): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
