/** Compresses whole answers for clients that ask for it. Streams are never compressed: their events must not wait. */
import { promisify } from "node:util";
import { gzip, gzipSync } from "node:zlib";
import { acceptsGzip } from "./headers.ts";
import type { Reply } from "./reply.ts";

const gzipLater = promisify(gzip);

/** Below this a compressed body is no smaller (the gzip frame alone takes 18 bytes; measured on chat answers). */
const minBytes = 200;
/** Up to this compressing takes less time than handing the work to another thread. */
const maxInlineBytes = 16 * 1024;
/** Speed over size: level 1 takes a third of level 6's time and gives most of its gain on JSON. */
const level = 1;

/** The reply with a gzip body where the client takes it and it pays; bodies that are streams stay as they are. */
export function compressReply(
  reply: Reply,
  acceptEncoding: string | string[] | undefined,
): Reply | Promise<Reply> {
  const { body } = reply;
  if (acceptEncoding === undefined || !acceptsGzip(String(acceptEncoding))) return reply;
  if (typeof body !== "string" && !(body instanceof Uint8Array)) return reply;
  const size = typeof body === "string" ? Buffer.byteLength(body) : body.byteLength;
  if (size < minBytes) return reply;
  const headers = { ...reply.headers, "content-encoding": "gzip", vary: "Accept-Encoding" };
  if (size <= maxInlineBytes) return { ...reply, headers, body: gzipSync(body, { level }) };
  return gzipLater(body, { level }).then((compressed) => ({ ...reply, headers, body: compressed }));
}
