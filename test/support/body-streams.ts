/** Both ends of a streamed body under a test's control. */
import type { BodyFlow, BodySink, BodyStream } from "../../src/http/reply.ts";

export interface ScriptedBody extends BodyStream {
  /** What the reader was told to take; false once it has asked to pause. */
  write(chunk: Uint8Array | string): boolean;
  end(): void;
  fail(error: Error): void;
  readonly isStarted: boolean;
  /** How often the reader asked for more. */
  readonly resumes: number;
  /** Why the reader left, once it has. */
  readonly cancelled: Error | undefined;
}

/** A body that says what a test tells it to say. */
export function createScriptedBody(): ScriptedBody {
  let sink: BodySink | undefined;
  let resumes = 0;
  let cancelled: Error | undefined;
  const reader = (): BodySink => {
    if (sink === undefined) throw new Error("nobody reads yet");
    return sink;
  };
  return {
    start(given): BodyFlow {
      if (sink !== undefined) throw new Error("started twice");
      sink = given;
      return {
        resume: () => resumes++,
        cancel: (reason) => {
          cancelled ??= reason;
        },
      };
    },
    write: (chunk) => reader().write(chunk),
    end: () => reader().end(),
    fail: (error) => reader().fail(error),
    get isStarted() {
      return sink !== undefined;
    },
    get resumes() {
      return resumes;
    },
    get cancelled() {
      return cancelled;
    },
  };
}

/** A body that gives its chunks at once, and then ends or fails. */
export function bodyOf(chunks: readonly (Uint8Array | string)[], failure?: Error): BodyStream {
  return {
    start(sink) {
      for (const chunk of chunks) sink.write(chunk);
      if (failure === undefined) sink.end();
      else sink.fail(failure);
      return { resume: () => undefined, cancel: () => undefined };
    },
  };
}

export interface CollectingSink extends BodySink {
  readonly chunks: readonly string[];
  readonly text: string;
  readonly ends: number;
  readonly failure: Error | undefined;
  /** What `write` answers. */
  hasRoom: boolean;
  /** Resolves when the body has ended or failed. */
  readonly over: Promise<void>;
}

/** A reader that keeps what it gets as text. */
export function createCollectingSink(): CollectingSink {
  const chunks: string[] = [];
  const decoder = new TextDecoder();
  let ends = 0;
  let failure: Error | undefined;
  let settle: () => void = () => undefined;
  const over = new Promise<void>((resolve) => {
    settle = resolve;
  });
  const sink: CollectingSink = {
    hasRoom: true,
    over,
    write(chunk) {
      chunks.push(typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true }));
      return sink.hasRoom;
    },
    end() {
      ends++;
      settle();
    },
    fail(error) {
      failure ??= error;
      settle();
    },
    chunks,
    get text() {
      return chunks.join("");
    },
    get ends() {
      return ends;
    },
    get failure() {
      return failure;
    },
  };
  return sink;
}
