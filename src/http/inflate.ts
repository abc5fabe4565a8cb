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
  let flow: BodyFlow | undefined;
  /** Why the compressed body broke off; told when all that came before it has been. */
  let cut: Error | undefined;
  const fail = (error: Error) => {
    if (isOver) return;
    isOver = true;
    decoder.destroy();
    flow?.cancel(error);
    sink.fail(cut ?? error);
  };
  decoder.on("data", (chunk: Buffer) => {
    if (!isOver && !sink.write(chunk)) decoder.pause();
  });
  decoder.on("end", () => {
    if (isOver) return;
    if (cut !== undefined) {
      fail(cut);
      return;
    }
    isOver = true;
    sink.end();
  });
  decoder.on("error", fail);
  const started = body.start({
    write: (chunk) => !isOver && decoder.write(chunk),
    end: () => decoder.end(),
    fail: (error) => {
      cut = error;
      decoder.end();
    },
  });
  flow = started;
  decoder.on("drain", () => started.resume());
  return {
    resume: () => decoder.resume(),
    cancel: (reason) => {
      isOver = true;
      decoder.destroy();
      started.cancel(reason);
    },
  };
}
