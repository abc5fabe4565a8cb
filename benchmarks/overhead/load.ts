/**
 * A closed-loop load generator: each connection sends its next request when the answer to the last one has ended. It
 * writes prepared bytes to bare sockets, since an HTTP client would cost more than the fastest side it measures.
 */
import { connect, type Socket } from "node:net";
import { Samples } from "../statistics.ts";
import { ResponseReader } from "./response-reader.ts";

export interface LoadOptions {
  readonly port: number;
  readonly connections: number;
  /** Whole HTTP requests, sent in turn; each connection begins at another one. */
  readonly requests: readonly Buffer[];
  /** Over how long the connections' first requests are spread; 0: all at once. */
  readonly spreadMs: number;
  /** What the last bytes of every answer's body must hold; an answer without it is a failure. */
  readonly endsWith?: string | undefined;
}

/** Of a span of time; latencies ascending, in milliseconds from the request's write. */
export interface LoadSample {
  readonly answers: number;
  /** With the parts of answers under way at the span's ends counted as parts; for long answers the truer number. */
  readonly answersWorth: number;
  readonly seconds: number;
  readonly latenciesMs: Float64Array;
  /** To the first byte of the body. */
  readonly firstBytesMs: Float64Array;
}

export interface Load {
  /** Answers since the start. */
  readonly answers: number;
  /** Begins a new span. */
  mark(): void;
  /** The span since the last mark. Throws when an answer was wrong or a connection broke, saying how. */
  take(): LoadSample;
  /** Lets the requests under way end; cuts what is not done after 10 s. */
  stop(): Promise<void>;
}

const stopLimitMs = 10_000;

export function startLoad(options: LoadOptions): Load {
  return new RunningLoad(options);
}

class RunningLoad implements Load {
  answers = 0;
  readonly #options: LoadOptions;
  readonly #latencies = new Samples();
  readonly #firstBytes = new Samples();
  readonly #sockets = new Set<Socket>();
  readonly #later: NodeJS.Timeout[] = [];
  #markedAt = performance.now();
  #isStopping = false;
  #failure: string | undefined;
  /** Body bytes of whole answers since the start, and of whole and partial ones in this span. */
  #answeredBytes = 0;
  #spanBytes = 0;
  #onGone: (() => void) | undefined;

  constructor(options: LoadOptions) {
    this.#options = options;
    for (let index = 0; index < options.connections; index++) {
      const delayMs = (index * options.spreadMs) / options.connections;
      if (delayMs === 0) this.#open(index);
      else this.#later.push(setTimeout(() => this.#open(index), delayMs));
    }
  }

  mark(): void {
    this.#latencies.clear();
    this.#firstBytes.clear();
    this.#spanBytes = 0;
    this.#markedAt = performance.now();
  }

  take(): LoadSample {
    if (this.#failure !== undefined) throw new Error(this.#failure);
    const seconds = (performance.now() - this.#markedAt) / 1000;
    if (this.#latencies.length === 0) throw new Error(`no answer in ${seconds.toFixed(1)} s`);
    return {
      answers: this.#latencies.length,
      answersWorth: (this.#spanBytes * this.answers) / this.#answeredBytes,
      seconds,
      latenciesMs: this.#latencies.sorted(),
      firstBytesMs: this.#firstBytes.sorted(),
    };
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const timer of this.#later) clearTimeout(timer);
    if (this.#sockets.size === 0) return;
    await new Promise<void>((resolve) => {
      const cut = setTimeout(() => {
        for (const socket of this.#sockets) socket.destroy();
      }, stopLimitMs);
      this.#onGone = () => {
        clearTimeout(cut);
        resolve();
      };
    });
  }

  #open(index: number): void {
    const { port, requests, endsWith } = this.#options;
    const reader = new ResponseReader();
    // Apart from each other, so that connections do not send the same prompt at the same time.
    let next = Math.floor((index * requests.length) / this.#options.connections);
    let sentAt = 0;
    let isWaiting = false;
    let counted = 0;
    const send = () => {
      if (this.#isStopping || this.#failure !== undefined) {
        socket.destroy();
        return;
      }
      isWaiting = true;
      counted = 0;
      sentAt = performance.now();
      socket.write(requests[next++ % requests.length] ?? "");
    };
    const receive = (bytes: Buffer) => {
      const progress = reader.push(bytes);
      if (progress === "head") return;
      if (isWaiting) {
        isWaiting = false;
        this.#firstBytes.add(performance.now() - sentAt);
      }
      this.#spanBytes += reader.bodyBytes - counted;
      counted = reader.bodyBytes;
      if (progress === "body") return;
      if (reader.status !== 200) return fail(`an answer with status ${reader.status}`);
      if (endsWith !== undefined && !reader.tailIncludes(endsWith))
        return fail(`an answer that does not end with ${endsWith}`);
      this.#latencies.add(performance.now() - sentAt);
      this.#answeredBytes += reader.bodyBytes;
      this.answers++;
      send();
    };
    const fail = (what: string) => {
      this.#failure ??= what;
      socket.destroy();
    };
    const onread = {
      buffer: Buffer.allocUnsafe(64 * 1024),
      callback: (length: number, buffer: Uint8Array) => guard(length, buffer),
    };
    const guard = (length: number, buffer: Uint8Array): boolean => {
      try {
        receive(Buffer.from(buffer.buffer, buffer.byteOffset, length));
      } catch (error) {
        fail(error instanceof Error ? error.message : String(error));
      }
      return true;
    };
    const socket = connect({ port, host: "127.0.0.1", noDelay: true, onread }, send);
    this.#sockets.add(socket);
    socket.on("error", (error) => fail(`a connection failed: ${error.message}`));
    socket.on("end", () => fail("the connection was closed before the answer had ended"));
    socket.on("close", () => {
      this.#sockets.delete(socket);
      if (this.#sockets.size === 0) this.#onGone?.();
    });
  }
}
