/** Calls upstream servers over kept connections, with every failure named the way nginx names it. */
import { type Dispatcher, Pool } from "undici";
import { type Schedule, systemSchedule } from "../util/schedule.ts";
import type { Cancellation } from "./cancellation.ts";
import { type SilenceClock, SilenceWatch } from "./silence-watch.ts";
import { type BodySource, UpstreamBody } from "./upstream-body.ts";
import { createConnector } from "./upstream-connector.ts";
import { toUpstreamError, UpstreamTimeout } from "./upstream-error.ts";

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
   * Longest gap between two reads, the wait for the answer's head included; exact to some milliseconds. While the reader
   * has asked for a pause, it does not run.
   */
  readonly readTimeoutMs: number;
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

/** A client whose connections are kept per origin; `options` are for tests and unusual networks. */
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

  const poolFor = (origin: string, connectTimeoutMs: number): Pool => {
    const key = `${connectTimeoutMs} ${origin}`;
    let pool = pools.get(key);
    if (pool === undefined) {
      makeRoom();
      pool = new Pool(origin, {
        connect: createConnector(connectTimeoutMs, schedule),
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
        poolFor(call.origin, call.connectTimeoutMs).dispatch(
          {
            path: call.path,
            method: call.method as "POST", // undici's type lists the methods; any token is valid on the wire
            headers: call.headers,
            body: call.body as string, // an AsyncIterable is accepted too, the type does not say so
            // The waits are our own to time.
            headersTimeout: 0,
            bodyTimeout: 0,
          },
          new CallOnTheWire({ readTimeoutMs: call.readTimeoutMs, signal, clock, resolve, reject }),
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
  readonly readTimeoutMs: number;
  readonly signal: Cancellation;
  readonly clock: SilenceClock;
  readonly resolve: (response: UpstreamResponse) => void;
  readonly reject: (reason: unknown) => void;
}

/** One call from its dispatch to the last byte of its answer. */
class CallOnTheWire implements Dispatcher.DispatchHandler, BodySource {
  readonly #parts: CallParts;
  readonly #watch: SilenceWatch;
  readonly #onAbort = () => this.#giveUp();
  #controller: Controller | undefined;
  #body: UpstreamBody | undefined;
  #isOver = false;

  constructor(parts: CallParts) {
    this.#parts = parts;
    this.#watch = new SilenceWatch(parts.clock, parts.readTimeoutMs, () =>
      this.abort(new UpstreamTimeout("READ_TIMEOUT", parts.readTimeoutMs)),
    );
    parts.signal.addEventListener("abort", this.#onAbort);
  }

  // What undici tells.

  onRequestStart(controller: Controller): void {
    this.#controller = controller;
    if (this.#parts.signal.aborted) controller.abort(reasonOf(this.#parts.signal));
    else this.#watch.start();
  }

  onResponseStart(
    _controller: Controller,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    this.#watch.heard();
    if (status < 200) return;
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

  #giveUp(): void {
    this.#controller?.abort(reasonOf(this.#parts.signal));
    if (this.#body === undefined) this.#parts.reject(this.#parts.signal.reason);
  }

  #settle(error?: Error): void {
    this.#isOver = true;
    this.#watch.stop();
    this.#parts.signal.removeEventListener("abort", this.#onAbort);
    this.#body?.finish(error);
  }
}

function reasonOf({ reason }: Cancellation): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
