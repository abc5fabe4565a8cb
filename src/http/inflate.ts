/** Undoes an upstream's Content-Encoding, keeping the reader's pace. */
import {
  type BrotliDecompress,
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  type Gunzip,
  type Inflate,
} from "node:zlib";
import type { BodyFlow, BodySink, BodyStream } from "./reply.ts";

/** The body as it was before it was compressed; the same body where `encoding` is absent or `identity`. */
export function inflate(body: BodyStream, encoding: string | undefined): BodyStream {
  const decoder = decoderFor(encoding?.trim().toLowerCase());
  return decoder === undefined ? body : { start: (sink) => startInflating(body, decoder, sink) };
}

function decoderFor(encoding: string | undefined): Gunzip | Inflate | BrotliDecompress | undefined {
  // Flushing after every write keeps a stream's events from waiting for a full window.
  if (encoding === "gzip" || encoding === "x-gzip") return createGunzip({ flush: constants.Z_SYNC_FLUSH });
  if (encoding === "deflate") return createInflate({ flush: constants.Z_SYNC_FLUSH });
  if (encoding === "br") return createBrotliDecompress({ flush: constants.BROTLI_OPERATION_FLUSH });
  return undefined;
}

function startInflating(
  body: BodyStream,
  decoder: Gunzip | Inflate | BrotliDecompress,
  sink: BodySink,
): BodyFlow {
  let isOver = false;
  const fail = (error: Error) => {
    if (isOver) return;
    isOver = true;
    decoder.destroy();
    sink.fail(error);
  };
  decoder.on("data", (chunk: Buffer) => {
    if (!isOver && !sink.write(chunk)) decoder.pause();
  });
  decoder.on("end", () => {
    if (isOver) return;
    isOver = true;
    sink.end();
  });
  decoder.on("error", fail);
  const flow = body.start({
    write: (chunk) => decoder.write(chunk),
    end: () => decoder.end(),
    fail,
  });
  decoder.on("drain", () => flow.resume());
  return {
    resume: () => decoder.resume(),
    cancel: (reason) => {
      isOver = true;
      decoder.destroy();
      flow.cancel(reason);
    },
  };
}
