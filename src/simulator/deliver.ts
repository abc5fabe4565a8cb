/** Puts an answer on the wire, as well or as badly as the behaviour says. */
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { setImmediate as nextTurn } from "node:timers/promises";
import { constants, createGzip, gzipSync } from "node:zlib";
import type { Behaviour } from "./behaviour.ts";
import type { StreamEvent } from "./endpoint.ts";

export interface Delivery {
  readonly response: ServerResponse;
  readonly behaviour: Behaviour;
  /** Aborted when the client is gone or the simulator closes; every wait ends with it. */
  readonly signal: AbortSignal;
  /** Resolves after so many milliseconds, jitter added; rejects when the signal is aborted. */
  readonly wait: (ms: number) => Promise<void>;
  /** Told of every piece that is put on the wire. */
  readonly onSent?: ((piece: Buffer) => void) | undefined;
  /** Closes the connection once what was written is on its way. */
  readonly breakOff: () => Promise<void>;
}

/** Thrown inside a body where the connection is to break. */
class BreakHere extends Error {}

/** Sends a whole JSON body. */
export async function deliverWhole(
  status: number,
  headers: Record<string, string>,
  body: string,
  delivery: Delivery,
): Promise<void> {
  const { response, behaviour } = delivery;
  const bytes = Buffer.from(
    behaviour.emptyBody === true
      ? ""
      : behaviour.badJson === true
        ? body.slice(0, (body.length * 2) / 3)
        : body,
  );
  const sent = behaviour.gzip === true ? gzipSync(bytes) : bytes;
  response.writeHead(status, {
    ...headers,
    "content-type": "application/json",
    "content-length": sent.length,
    ...encoding(behaviour),
  });
  // The head waits for the body otherwise, and would be lost where the body breaks off before its first byte.
  if (behaviour.cutAfterBytes === 0) response.flushHeaders();
  await send([sent], delivery);
}

/** Sends server-sent events, paced by `perTokenMs`. */
export async function deliverStream(
  headers: Record<string, string>,
  events: Iterable<StreamEvent>,
  errorEvent: string,
  delivery: Delivery,
): Promise<void> {
  const { response, behaviour } = delivery;
  response.writeHead(200, {
    ...headers,
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    ...encoding(behaviour),
  });
  response.flushHeaders();
  const pieces = behaviour.emptyBody === true ? [] : eventBytes(events, errorEvent, delivery);
  await send(behaviour.gzip === true ? gzipped(pieces) : pieces, delivery);
}

function encoding({ gzip }: Behaviour): Record<string, string> {
  return gzip === true ? { "content-encoding": "gzip" } : {};
}

type Pieces = Iterable<Buffer> | AsyncIterable<Buffer>;

async function* eventBytes(
  events: Iterable<StreamEvent>,
  errorEvent: string,
  delivery: Delivery,
): AsyncGenerator<Buffer> {
  const { behaviour, wait, signal } = delivery;
  let sent = 0;
  for (const event of events) {
    if (sent === behaviour.cutAfterChunks) throw new BreakHere();
    if (sent === behaviour.stallAfterChunks) await untilAborted(signal);
    if (sent === behaviour.errorAfterChunks) {
      yield Buffer.from(errorEvent);
      return;
    }
    if (event.terminal === true && behaviour.noDone === true) return;
    if (behaviour.perTokenMs !== undefined) await wait(event.tokens * behaviour.perTokenMs);
    yield Buffer.from(behaviour.badJson === true && sent === 1 ? cutJson(event.text) : event.text);
    sent += 1;
  }
}

/** The data of an event ends in its JSON, so that any cut from behind breaks it. */
function cutJson(event: string): string {
  return `${event.slice(0, Math.floor((event.length * 2) / 3))}\n\n`;
}

/** Flushed after each piece, so that the reader of a stream gets every event at once. */
async function* gzipped(pieces: Pieces): AsyncGenerator<Buffer> {
  const gzip = createGzip();
  try {
    for await (const piece of pieces) {
      gzip.write(piece);
      await new Promise<void>((resolve) => gzip.flush(constants.Z_SYNC_FLUSH, resolve));
      yield* readAll(gzip);
    }
    gzip.end();
    for await (const piece of gzip) yield piece;
  } finally {
    gzip.destroy();
  }
}

function* readAll(gzip: { read(): Buffer | null }): Generator<Buffer> {
  for (let piece = gzip.read(); piece !== null; piece = gzip.read()) yield piece;
}

/** Cuts the body at every multiple of `size` bytes, across the pieces. */
async function* rechunked(pieces: Pieces, size: number): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const piece of pieces) {
    rest = Buffer.concat([rest, piece]);
    for (; rest.length >= size; rest = rest.subarray(size)) {
      yield rest.subarray(0, size);
      await nextTurn(); // so that each piece leaves in a packet of its own
    }
  }
  if (rest.length > 0) yield rest;
}

async function send(pieces: Pieces, delivery: Delivery): Promise<void> {
  const { response, behaviour, breakOff } = delivery;
  let left = behaviour.cutAfterBytes ?? Number.POSITIVE_INFINITY;
  try {
    for await (const piece of behaviour.chunkBytes === undefined
      ? pieces
      : rechunked(pieces, behaviour.chunkBytes)) {
      await write(piece.subarray(0, left), delivery);
      if (piece.length > left) throw new BreakHere();
      left -= piece.length;
    }
  } catch (error) {
    if (error instanceof BreakHere) return breakOff();
    throw error;
  }
  response.end();
}

/** Waits for the reader when it is slower than we are. */
async function write(piece: Buffer, { response, signal, onSent }: Delivery): Promise<void> {
  signal.throwIfAborted();
  onSent?.(piece);
  if (piece.length > 0 && !response.write(piece)) await once(response, "drain", { signal });
}

interface Pace {
  readonly jitter: number | undefined;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
}

/** The `wait` of a delivery. A timer cannot do less than a millisecond: shorter waits add up until one is due. */
export function createWait({ jitter = 0, random, sleep, signal }: Pace): Delivery["wait"] {
  let owedMs = 0;
  return async (ms) => {
    owedMs += jitter === 0 ? ms : ms * (1 + jitter * (2 * random() - 1));
    if (owedMs < 1) return;
    const due = owedMs;
    owedMs = 0;
    await sleep(due, signal);
  };
}

/** Rejects when the signal is aborted and never resolves. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
