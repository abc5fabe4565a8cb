/** Reads request bodies, within a limit. */
import type { IncomingMessage } from "node:http";

/** More than any prompt with images in it; the journal keeps bodies, so there is a limit. */
export const bodyLimitBytes = 32 * 1024 * 1024;

/** The whole body; undefined when it is larger than the limit. Rejects when the client goes away in the middle. */
export async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    // Read on without keeping: a client that is still sending does not see an early answer.
    if (length <= bodyLimitBytes) chunks.push(chunk);
    else chunks.length = 0;
  }
  return length > bodyLimitBytes ? undefined : Buffer.concat(chunks);
}

/** JSON where it is JSON, else the text; undefined for no bytes at all. */
export function parseBody(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  const text = bytes.toString("utf8");
  try {
    return JSON.parse(text);
  } catch {
    return text; // a body that is no JSON is something a test may want to see
  }
}
