/** A request's body on its way to an upstream: in pieces, each handed over once the connection has taken the one before. */
import { Readable } from "node:stream";
import type { SilenceWatch } from "./silence-watch.ts";

/**
 * A body of one piece is handed to undici whole: the kernel's buffers take about that much without a word from the other
 * side (Linux gives a fresh connection some tens of kilobytes, a loopback one 4 MB), so that there is no write to wait
 * for, and the wait for the answer covers it. Longer ones are watched piece by piece. The smaller the pieces the slower a
 * link may be without being taken for stalled; 1 MiB on loopback took 0.96 ms whole (median of 500), 1.09 ms in pieces of
 * 64 KiB and 1.19 ms in pieces of 16 KiB.
 */
export const pieceBytes = 64 * 1024;

export interface Pieces {
  readonly source: AsyncIterable<Uint8Array>;
  /** In bytes, where they are all at hand. */
  readonly length: number | undefined;
}

/** Undefined: too little to be watched, and best sent as it is. */
export function inPieces(body: string | Uint8Array | AsyncIterable<Uint8Array> | null): Pieces | undefined {
  if (body === null) return undefined;
  // A UTF-16 unit is at most three bytes of UTF-8: nearly every text is seen to be short without counting.
  if (typeof body === "string" && body.length * 3 <= pieceBytes) return undefined;
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  if (!(bytes instanceof Uint8Array)) return { source: bytes, length: undefined };
  return bytes.length <= pieceBytes ? undefined : { source: piecesOf(bytes), length: bytes.length };
}

/** Views, not copies. */
async function* piecesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

export interface UploadParts {
  readonly source: AsyncIterable<Uint8Array>;
  /** Runs while the connection owes us room for what it was given; goes off when that takes too long. */
  readonly watch: SilenceWatch;
  /** The connection has taken all of it. */
  readonly onSent: () => void;
}

/**
 * The body as undici reads it. undici asks for a piece when the socket has drained of the one before
 * (`writeIterable` in its lib/dispatcher/client-h1.js), so that the time from a piece to the next question is the
 * upstream's, and the time from a question to its piece is the source's own: a client that is slow to send is not the
 * upstream's fault. As in nginx (`proxy_send_timeout`) the time of the whole does not count.
 */
export class Upload implements AsyncIterableIterator<Uint8Array> {
  readonly #parts: UploadParts;
  #iterator: AsyncIterator<Uint8Array> | undefined;
  #isWatched = true;
  #left: Error | undefined;
  /** Of the question that is being answered. */
  #reject: (reason: Error) => void = () => undefined;

  constructor(parts: UploadParts) {
    this.#parts = parts;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    const { source, watch } = this.#parts;
    watch.stop();
    // Not an end: undici would take the part that was sent for the whole.
    if (this.#left !== undefined) return Promise.reject(this.#left);
    this.#iterator ??= source[Symbol.asyncIterator]();
    const coming = this.#iterator.next();
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      coming.then((result) => {
        if (this.#left === undefined) this.#handOver(result.done === true);
        resolve(result);
      }, reject);
    });
  }

  /** Called where undici gives up by itself. */
  async return(): Promise<IteratorResult<Uint8Array>> {
    this.leave(new Error("the upload was given up"));
    return { done: true, value: undefined };
  }

  /** An answer has begun: from now on it is what is waited for, as in nginx, however much of the request is still to go. */
  answered(): void {
    this.#isWatched = false;
    this.#parts.watch.stop();
  }

  /** Ends the upload where it is, and lets go of its source, also of one that is yet to give its next piece. */
  leave(reason: Error): void {
    if (this.#left !== undefined) return;
    this.#left = reason;
    this.#parts.watch.stop();
    this.#reject(reason);
    const { source } = this.#parts;
    // The iterator of a stream that is waited for would only hear of it with the next piece.
    if (source instanceof Readable) source.destroy();
    else this.#iterator?.return?.().catch(() => undefined); // nobody is left to be told
  }

  #handOver(isEnd: boolean): void {
    if (isEnd) this.#parts.onSent();
    else if (this.#isWatched) this.#parts.watch.start();
  }
}
