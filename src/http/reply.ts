/** What a stage answers a client with: whole, or as a stream that its reader paces. */

export type ReplyHeaders = Record<string, string | string[]>;

/** Where a streamed body goes. */
export interface BodySink {
  /** False: the reader is slower than we are; stop until `resume` is called. */
  write(chunk: Uint8Array | string): boolean;
  end(): void;
  /** Ends the body so that the client can see it is incomplete. */
  fail(error: Error): void;
}

/** The reader's hold on a body that has been started. */
export interface BodyFlow {
  /** The reader has room again. */
  resume(): void;
  /** The reader is gone: stop at once and free everything. */
  cancel(reason: Error): void;
}

/** A body that is produced while it is read. Started at most once. */
export interface BodyStream {
  start(sink: BodySink): BodyFlow;
}

export interface Reply {
  readonly status: number;
  /** Lower-case names; `content-length` is set by the listener for whole bodies. */
  readonly headers: ReplyHeaders;
  readonly body: Uint8Array | string | BodyStream | undefined;
  /** Set when the reply is a failure of ours: what it was, for the record. */
  readonly error?: Error;
}

/** Tells a streamed body from a whole one. */
export function isBodyStream(body: Reply["body"]): body is BodyStream {
  return typeof body === "object" && "start" in body;
}
