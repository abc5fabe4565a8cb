/**
 * All vendors in one: a bare server that answers at once with what was prepared for the path, so that what is measured
 * is our side and not a server's. Started as a process of its own with the port as argument.
 */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { prepareAnswers } from "./answers.ts";

/** Resolves when it listens. */
export async function startVendors(port: number): Promise<Server> {
  const answers = new Map([...prepareAnswers()].map(([path, body]) => [path, answerOf("200 OK", body)]));
  const server = createServer({ noDelay: true }, (socket) => attend(socket, answers));
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return server;
}

/** A request as far as it is needed here. */
export interface WholeRequest {
  readonly path: string;
  /** Bytes it takes of the buffer. */
  readonly length: number;
}

/** The request at the beginning of `bytes`; undefined until all of it is there. Its body has a `content-length`. */
export function readRequest(bytes: Buffer): WholeRequest | undefined {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd === -1) return undefined;
  const head = bytes.toString("latin1", 0, headEnd);
  const path = /^POST ([^ ?]+)/.exec(head)?.[1] ?? "";
  const length = headEnd + 4 + Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
  return bytes.length < length ? undefined : { path, length };
}

function attend(socket: Socket, answers: ReadonlyMap<string, Buffer>): void {
  let received: Buffer = Buffer.alloc(0);
  socket.on("data", (bytes) => {
    received = received.length === 0 ? bytes : Buffer.concat([received, bytes]);
    for (let request = readRequest(received); request !== undefined; request = readRequest(received)) {
      received = received.subarray(request.length);
      socket.write(answers.get(request.path) ?? unknownPath);
    }
  });
  // A connection that is reset is the benchmark's matter; it sees what comes of it.
  socket.on("error", () => socket.destroy());
}

const unknownPath = answerOf("404 Not Found", '{"error":{"message":"nothing was prepared for this path"}}');

function answerOf(status: string, body: string): Buffer {
  const head = `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`;
  return Buffer.from(head + body);
}
