/** Calls of the real upstream client to servers on which a test writes HTTP by hand. */
import { afterEach } from "vitest";
import {
  createUpstreamClient,
  type UpstreamCall,
  type UpstreamClient,
} from "../../src/http/upstream-client.ts";
import { openRawServer, type RawServer } from "./raw-http.ts";

/** Makers of clients and servers that are closed after each test of the file. */
export function useUpstreams() {
  const open: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const each of open.splice(0).reverse()) await each.close();
  });
  return {
    client(): UpstreamClient {
      const made = createUpstreamClient();
      open.push(made);
      return made;
    },
    async server(...parameters: Parameters<typeof openRawServer>): Promise<RawServer> {
      const made = await openRawServer(...parameters);
      open.push(made);
      return made;
    },
  };
}

/** A caller who stays. */
export const never = new AbortController().signal;

export const callTo = (origin: string, more: Partial<UpstreamCall> = {}): UpstreamCall => ({
  origin,
  path: "/v1/chat?x=1",
  method: "POST",
  headers: { "content-type": "application/json", "x-key": "1" },
  body: '{"a":1}',
  connectTimeoutMs: 5000,
  writeTimeoutMs: 5000,
  readTimeoutMs: 5000,
  ...more,
});

/** A whole answer. */
export const answerOf = (body: string, head = "") =>
  `HTTP/1.1 200 OK\r\n${head}content-length: ${body.length}\r\n\r\n${body}`;

/** The head of an answer in chunks, one chunk, and the end. */
export const chunkedHead =
  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
export const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
