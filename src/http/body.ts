/** Reads a whole request body, never more of it than allowed. */
import type { Readable } from "node:stream";
import { GatewayError } from "../errors.ts";
import type { ClientRequest } from "./exchange.ts";

/** The request's whole body, read now unless a plugin has read it before. Limit and errors as in `readBody`. */
export function requestBody(request: ClientRequest, limit: number): Promise<Buffer> {
  const { body, bytes, headers } = request;
  if (bytes === undefined) return readBody(body, limit, headers["content-length"] as string | undefined);
  if (limit > 0 && bytes.length > limit) return Promise.reject(new GatewayError("body_too_large", { limit }));
  return Promise.resolve(bytes);
}

/**
 * The body's bytes. `limit` in bytes, 0 = none. Rejects with `body_too_large` as soon as the limit is passed
 * (at once when `declared`, the Content-Length, already is), with `request_cut` when the client leaves midway.
 */
export function readBody(body: Readable, limit: number, declared: string | undefined): Promise<Buffer> {
  if (limit > 0 && declared !== undefined && Number(declared) > limit) {
    return Promise.reject(new GatewayError("body_too_large", { limit }));
  }
  // The client has left while something else was awaited; no event would tell any more.
  if (body.destroyed && !body.readableEnded) return Promise.reject(new GatewayError("request_cut"));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let ended = false;
    const stop = (error: GatewayError) => {
      body.off("data", onData);
      reject(error);
    };
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      if (limit > 0 && size > limit) stop(new GatewayError("body_too_large", { limit }));
      else chunks.push(chunk);
    };
    body.on("data", onData);
    body.on("end", () => {
      ended = true;
      const [only] = chunks;
      resolve(chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, size));
    });
    body.on("error", (cause) => reject(new GatewayError("request_cut", {}, { cause })));
    body.on("close", () => {
      if (!ended) reject(new GatewayError("request_cut"));
    });
  });
}
