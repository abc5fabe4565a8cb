/**
 * Passes a worker's output on in whole lines. Workers that shared one pipe would cut into each other's lines: a write is
 * only kept together up to PIPE_BUF, 4 KiB on Linux (pipe(7)), and records of one turn are written together.
 */
import type { Readable } from "node:stream";
import type { LineWriter } from "../../telemetry/sinks.ts";

/** Bytes that may wait for a slow reader; beyond, the worker's own pipe fills and the worker waits. */
const maxWaiting = 1024 * 1024;

const newline = 0x0a;

/** `onCut` is given what followed the last newline of a stream that ended. */
export function relayLines(from: Readable, to: LineWriter, onCut: (rest: string) => void): void {
  let pieces: Buffer[] = [];
  let waiting = 0;
  from.on("data", (chunk: Buffer) => {
    const end = chunk.lastIndexOf(newline) + 1;
    if (end === 0) {
      pieces.push(chunk);
      return;
    }
    // Cut at newlines only, so that no character is torn apart.
    const text = Buffer.concat([...pieces, chunk.subarray(0, end)]).toString("utf8");
    pieces = end === chunk.length ? [] : [chunk.subarray(end)];
    waiting += text.length;
    if (waiting > maxWaiting) from.pause();
    to.write(text, () => {
      waiting -= text.length;
      if (waiting <= maxWaiting) from.resume();
    });
  });
  from.on("end", () => {
    if (pieces.length > 0) onCut(Buffer.concat(pieces).toString("utf8"));
  });
  from.on("error", () => undefined); // its process is gone, which is told elsewhere
}
