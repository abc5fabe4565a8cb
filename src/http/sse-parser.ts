/** Reads a stream of server-sent events from bytes that arrive cut anywhere. */
import type { ServerSentEvent } from "./sse.ts";

export interface SseParser {
  /** Reports every event that is complete by now. Throws `SseOverflowError`, and what `onEvent` throws. */
  push(chunk: Uint8Array): void;
  /**
   * The stream has ended. Answers with the event that had begun and was not ended by a blank line, as far as it
   * came (its last line may be cut anywhere), so that a cut stream can be told from a finished one. It has not been
   * reported: WHATWG says to drop it.
   */
  end(): ServerSentEvent | undefined;
}

export interface SseParserOptions {
  /** Bytes one event may have, all its lines together. Default 8 MiB: far more than any answer, far less than memory. */
  readonly maxEventBytes?: number;
}

/** An event larger than allowed. The parser that threw it is of no further use. */
export class SseOverflowError extends Error {
  readonly limitBytes: number;

  constructor(limitBytes: number) {
    super(`the stream has an event of more than ${limitBytes} bytes`);
    this.name = "SseOverflowError";
    this.limitBytes = limitBytes;
  }
}

/**
 * A parser by WHATWG HTML, section 9.2.6, for one stream: lines end in LF, CR or CRLF; a byte order mark at the start
 * is skipped; comments, `id`, `retry` and unknown fields are dropped; an event without data is not reported. Malformed
 * UTF-8 becomes U+FFFD. Chunks are not kept, so the caller may reuse their memory.
 */
export function createSseParser(
  onEvent: (event: ServerSentEvent) => void,
  options: SseParserOptions = {},
): SseParser {
  return new LineMachine(onEvent, options.maxEventBytes ?? 8 * 1024 * 1024);
}

const lineFeed = 10;
const carriageReturn = 13;
const space = 32;
const colon = 58;

const nothing = Buffer.alloc(0);
/** Room for unfinished lines above this is given back after use. */
const keptRoom = 64 * 1024;

/**
 * Works on bytes and decodes only the values of `data` and `event`: neither CR nor LF occurs inside a UTF-8 sequence,
 * so lines can be cut before they are decoded. Each byte is looked at once, by `indexOf`, whatever the cut.
 */
class LineMachine implements SseParser {
  readonly #onEvent: (event: ServerSentEvent) => void;
  readonly #limit: number;
  /** The beginning of a line whose end has not arrived, in a buffer that grows by doubling. */
  #held: Buffer = nothing;
  #heldBytes = 0;
  #data: string | undefined;
  #event = "";
  /** Bytes of the event's lines so far, the current one not included. */
  #eventBytes = 0;
  #isAfterReturn = false;
  #isFirstLine = true;
  #isDead = false;

  constructor(onEvent: (event: ServerSentEvent) => void, limit: number) {
    this.#onEvent = onEvent;
    this.#limit = limit;
  }

  push(chunk: Uint8Array): void {
    if (this.#isDead) throw new SseOverflowError(this.#limit);
    const bytes = Buffer.isBuffer(chunk)
      ? chunk
      : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (bytes.length === 0) return;
    let start = 0;
    if (this.#isAfterReturn) {
      this.#isAfterReturn = false;
      if (bytes[0] === lineFeed) start = 1;
    }
    const firstReturn = bytes.indexOf(carriageReturn, start);
    start = firstReturn === -1 ? this.#feedLines(bytes, start) : this.#anyLines(bytes, start, firstReturn);
    if (start < bytes.length) this.#hold(bytes, start);
  }

  end(): ServerSentEvent | undefined {
    if (this.#isDead) return undefined;
    const start = this.#skipMark(this.#held, 0, this.#heldBytes);
    const isLineBegun = start < this.#heldBytes && this.#held[start] !== colon;
    if (isLineBegun) this.#readField(this.#held, start, this.#heldBytes);
    const isPending = isLineBegun || this.#data !== undefined || this.#event !== "";
    const leftover = { event: this.#event || "message", data: this.#data ?? "" };
    this.#reset();
    this.#heldBytes = 0;
    return isPending ? leftover : undefined;
  }

  /** Lines that end in LF, as nearly all streams have them. Answers with the start of the unfinished line. */
  #feedLines(bytes: Buffer, from: number): number {
    let start = from;
    for (;;) {
      const end = bytes[start] === lineFeed ? start : bytes.indexOf(lineFeed, start);
      if (end === -1) return start;
      this.#line(bytes, start, end);
      start = end + 1;
    }
  }

  /** Lines with all three kinds of ends. `firstReturn` is the first CR. */
  #anyLines(bytes: Buffer, from: number, firstReturn: number): number {
    let start = from;
    let feed = bytes.indexOf(lineFeed, start);
    let back = firstReturn;
    while (feed !== -1 || back !== -1) {
      const isFeed = back === -1 || (feed !== -1 && feed < back);
      const end = isFeed ? feed : back;
      this.#line(bytes, start, end);
      start = end + 1;
      if (!isFeed && bytes[start] === lineFeed) start += 1;
      this.#isAfterReturn = !isFeed && end + 1 === bytes.length;
      feed = nextOf(lineFeed, bytes, feed, start);
      back = nextOf(carriageReturn, bytes, back, start);
    }
    return start;
  }

  /** A line is complete: what was held of it, and `start` to `end` of these bytes. */
  #line(bytes: Buffer, start: number, end: number): void {
    if (this.#heldBytes === 0) {
      this.#read(bytes, start, end);
      return;
    }
    this.#hold(bytes.subarray(0, end), start);
    const length = this.#heldBytes;
    this.#heldBytes = 0;
    this.#read(this.#held, 0, length);
    if (this.#held.length > keptRoom) this.#held = nothing;
  }

  #read(bytes: Buffer, from: number, end: number): void {
    this.#allow(end - from);
    const start = this.#skipMark(bytes, from, end);
    this.#isFirstLine = false;
    if (start === end) this.#dispatch();
    else this.#readField(bytes, start, end);
  }

  /** The byte order mark, EF BB BF, which only the first line can have. */
  #skipMark(bytes: Buffer, start: number, end: number): number {
    if (!this.#isFirstLine || end - start < 3) return start;
    return bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf
      ? start + 3
      : start;
  }

  #readField(bytes: Buffer, start: number, end: number): void {
    if (isField(dataName, bytes, start, end)) {
      const value = readValue(bytes, start + dataName.length, end);
      this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`;
      this.#eventBytes += end - start;
    } else if (isField(eventName, bytes, start, end)) {
      this.#event = readValue(bytes, start + eventName.length, end);
      this.#eventBytes += end - start;
    }
  }

  #dispatch(): void {
    const data = this.#data;
    const event = this.#event;
    this.#reset();
    if (data !== undefined) this.#onEvent({ event: event || "message", data });
  }

  #reset(): void {
    this.#data = undefined;
    this.#event = "";
    this.#eventBytes = 0;
  }

  /** Keeps the beginning of a line. */
  #hold(bytes: Buffer, start: number): void {
    const needed = this.#heldBytes + bytes.length - start;
    this.#allow(needed);
    if (needed > this.#held.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, this.#held.length * 2, 1024));
      this.#held.copy(grown, 0, 0, this.#heldBytes);
      this.#held = grown;
    }
    bytes.copy(this.#held, this.#heldBytes, start);
    this.#heldBytes = needed;
  }

  #allow(lineBytes: number): void {
    if (this.#eventBytes + lineBytes <= this.#limit) return;
    this.#isDead = true;
    this.#held = nothing;
    this.#reset();
    throw new SseOverflowError(this.#limit);
  }
}

/** Where the byte comes next, given where it was found last; -1 once there are no more. */
function nextOf(byte: number, bytes: Buffer, last: number, start: number): number {
  return last === -1 || last >= start ? last : bytes.indexOf(byte, start);
}

const dataName = Buffer.from("data");
const eventName = Buffer.from("event");

/** The line's name, which ends at its first colon or with the line, is this one. */
function isField(name: Buffer, bytes: Buffer, start: number, end: number): boolean {
  const after = start + name.length;
  if (after > end || (after < end && bytes[after] !== colon)) return false;
  for (let index = 0; index < name.length; index += 1) if (bytes[start + index] !== name[index]) return false;
  return true;
}

/** From the colon on; one space after it does not belong to the value. */
function readValue(bytes: Buffer, colonAt: number, end: number): string {
  const first = colonAt + 1;
  if (first >= end) return "";
  return bytes.toString("utf8", bytes[first] === space ? first + 1 : first, end);
}
