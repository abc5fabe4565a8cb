/** An upstream's answer on its way to a reader. */
import type { BodyFlow, BodySink, BodyStream } from "./reply.ts";

/** Bytes that may wait for a reader before the upstream is paused: one read of a socket. */
const holdBytes = 64 * 1024;

/** The hold on a connection that a body needs. */
export interface BodySource {
  readonly paused: boolean;
  pause(): void;
  resume(): void;
  abort(reason: Error): void;
}

/** An answer's body, streamed or dropped. What arrives before it is read waits, bounded. */
export class UpstreamBody implements BodyStream {
  #source: BodySource;
  #sink: BodySink | undefined;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #ended = false;
  #error: Error | undefined;

  constructor(source: BodySource) {
    this.#source = source;
  }

  start(sink: BodySink): BodyFlow {
    this.#sink = sink;
    let hasRoom = true;
    for (const chunk of this.#waiting) hasRoom = sink.write(chunk) && hasRoom;
    this.#waiting = [];
    if (this.#error !== undefined) sink.fail(this.#error);
    else if (this.#ended) sink.end();
    else if (!hasRoom) this.#source.pause();
    else if (this.#source.paused) this.#source.resume();
    return {
      resume: () => this.#source.resume(),
      cancel: (reason) => this.cancel(reason),
    };
  }

  /** Stops the upstream and frees the connection. */
  cancel(reason: Error): void {
    this.#sink = undefined;
    this.#waiting = [];
    if (!this.#ended) this.#source.abort(reason);
    this.#ended = true;
  }

  /** Used by the client only. */
  accept(chunk: Buffer): void {
    if (this.#ended) return;
    if (this.#sink !== undefined) {
      if (!this.#sink.write(chunk)) this.#source.pause();
      return;
    }
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes > holdBytes) this.#source.pause();
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
