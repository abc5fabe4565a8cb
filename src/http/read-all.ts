/** Reads a streamed body to its end. */
import type { BodyStream } from "./reply.ts";

/** All bytes; rejects when the body is cut or larger than `limit` bytes, in which case it is stopped. */
export function readAll(body: BodyStream, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let isOver = false;
    const flow = body.start({
      write: (chunk) => {
        if (isOver) return false;
        const bytes =
          typeof chunk === "string"
            ? Buffer.from(chunk)
            : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
        chunks.push(bytes);
        size += bytes.length;
        if (size <= limit) return true;
        isOver = true;
        const error = new Error(`the answer is larger than ${limit} bytes`);
        // What was waiting is handed over before `start` returns; stop once it has.
        queueMicrotask(() => flow.cancel(error));
        reject(error);
        return false;
      },
      end: () => {
        const [only] = chunks;
        resolve(chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, size));
      },
      fail: reject,
    });
  });
}
