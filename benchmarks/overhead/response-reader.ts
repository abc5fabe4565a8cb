/** Reads HTTP/1.1 answers from a socket, one after the other, and knows when each begins its body and when it ends. */

/** How far the answer has come: no body byte yet, some, or all of them. */
export type Progress = "head" | "body" | "end";

const headEnd = Buffer.from("\r\n\r\n");
/** More than any side's head; beyond it something is wrong with the answer. */
const headLimitBytes = 32 * 1024;
const tailBytes = 64;
const nothing = Buffer.alloc(0);

/**
 * Takes buffers that are used again: what it keeps it copies. Understands what the measured sides send: a content length, or chunks without trailers. Anything else throws, because
 * a load generator that guesses measures nonsense.
 */
export class ResponseReader {
  /** Of the last answer whose head has been read. */
  status = 0;
  /** Body bytes of it so far, framing left out. */
  bodyBytes = 0;

  #rest: Buffer = nothing;
  #tail: Buffer = nothing;
  #state: "head" | "length" | "chunk-size" | "chunk" | "chunk-end" = "head";
  /** Bytes that the body, or its present chunk, still lacks. */
  #missing = 0;

  /** Takes the next bytes. After "end" the next push begins a new answer; bytes beyond the end throw. */
  push(bytes: Buffer): Progress {
    let input = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    this.#rest = nothing;
    for (;;) {
      const before = input;
      const state = this.#state;
      const after = this.#step(input);
      if (after === "end") return "end";
      input = after;
      if (input.length === 0) break;
      if (input.length === before.length && this.#state === state) {
        this.#rest = Buffer.from(input);
        break;
      }
    }
    return this.#state === "head" || this.bodyBytes === 0 ? "head" : "body";
  }

  /** Whether the last 64 bytes of the last answer's body hold `text`. */
  tailIncludes(text: string): boolean {
    return this.#tail.includes(text);
  }

  /** Takes one part off the front; returns what is left of the input, all of it where the part is not complete. */
  #step(input: Buffer): Buffer | "end" {
    switch (this.#state) {
      case "head":
        return this.#readHead(input);
      case "length":
        return this.#readBody(input, "end");
      case "chunk-size":
        return this.#readChunkSize(input);
      case "chunk":
        return this.#readBody(input, "chunk-end");
      case "chunk-end":
        if (input.length < 2) return input;
        this.#state = "chunk-size";
        return input.subarray(2);
    }
  }

  #readHead(input: Buffer): Buffer | "end" {
    const end = input.indexOf(headEnd);
    if (end === -1) {
      if (input.length > headLimitBytes)
        throw new Error(`the answer's head is longer than ${headLimitBytes} bytes`);
      return input;
    }
    const head = input.toString("latin1", 0, end).toLowerCase();
    this.status = Number(head.slice(9, 12));
    this.bodyBytes = 0;
    this.#tail = nothing;
    const rest = input.subarray(end + 4);
    const length = /\r\ncontent-length: *(\d+)/.exec(head)?.[1];
    if (length !== undefined) {
      this.#missing = Number(length);
      if (this.#missing === 0) return this.#finish(rest);
      this.#state = "length";
    } else if (/\r\ntransfer-encoding: *chunked/.test(head)) {
      this.#state = "chunk-size";
    } else {
      throw new Error(`an answer with status ${this.status} has neither a content length nor chunks`);
    }
    return rest;
  }

  #readChunkSize(input: Buffer): Buffer | "end" {
    const end = input.indexOf("\r\n");
    if (end === -1) return input;
    const size = Number.parseInt(input.toString("latin1", 0, end), 16);
    if (Number.isNaN(size)) throw new Error("a chunk of the answer has no size");
    if (size > 0) {
      this.#missing = size;
      this.#state = "chunk";
      return input.subarray(end + 2);
    }
    return input.length < end + 4 ? input : this.#finish(input.subarray(end + 4));
  }

  #readBody(input: Buffer, next: "end" | "chunk-end"): Buffer | "end" {
    const part = input.length <= this.#missing ? input : input.subarray(0, this.#missing);
    this.bodyBytes += part.length;
    this.#missing -= part.length;
    this.#keepTail(part);
    const rest = input.subarray(part.length);
    if (this.#missing > 0) return rest;
    if (next === "end") return this.#finish(rest);
    this.#state = next;
    return rest;
  }

  #keepTail(part: Buffer): void {
    this.#tail = Buffer.concat(
      part.length >= tailBytes ? [part.subarray(-tailBytes)] : [this.#tail, part],
    ).subarray(-tailBytes);
  }

  #finish(rest: Buffer): "end" {
    if (rest.length > 0) throw new Error(`${rest.length} bytes came after the end of the answer`);
    this.#state = "head";
    return "end";
  }
}
