/**
 * The ground of every fake vendor: a real HTTP server on 127.0.0.1 that keeps what it was asked and misbehaves when
 * told to. What makes it one vendor or another is the handler: it checks a request as strictly as the vendor documents
 * and writes the answer in the vendor's shape.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { hashVector } from "../fake-embedder.ts";

export interface VendorRequest {
  readonly method: string;
  /** Path and query as they stand on the request line. */
  readonly target: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Lower-case names; repeated ones joined with ", ". */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The body as JSON; undefined when it is none. */
  readonly json: unknown;
}

export interface VendorReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A string as it is, anything else as JSON. */
  readonly body: unknown;
}

/** To be thrown by a handler in the middle of its checks. */
export class VendorRefusal extends Error {
  readonly reply: VendorReply;

  constructor(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) {
    super(`the vendor refuses with ${status}`);
    this.reply = { status, headers, body };
  }
}

/** One list of numbers for each text, unit length, fixed by the text; bent where the server is told so. */
export type Embed = (texts: readonly string[], dimensions: number) => readonly (readonly number[])[];

export type VendorHandler = (request: VendorRequest, embed: Embed) => VendorReply | Promise<VendorReply>;

/**
 * reply: this instead of the vendor's answer · hang: no answer ever · cut: half of the vendor's answer, then the
 * connection is gone · slam: the connection is gone before an answer begins · bend: other vectors than it has, which
 * may be more, fewer, empty, of other lengths; NaN stands as `null` in JSON.
 */
export type Mischief =
  | ({ readonly kind: "reply" } & VendorReply)
  | { readonly kind: "hang" }
  | { readonly kind: "cut" }
  | { readonly kind: "slam" }
  | { readonly kind: "bend"; readonly bend: (vectors: readonly (readonly number[])[]) => number[][] };

export interface VendorServer {
  readonly port: number;
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  readonly url: string;
  /** All so far, in the order in which they had arrived whole. */
  readonly requests: readonly VendorRequest[];
  /** Most requests that were under way at a time. */
  readonly mostAtOnce: number;
  /** Requests that were left by their caller before they were answered. */
  readonly left: number;
  /** Resolves when `count` requests more than now have arrived. */
  arrived(count?: number): Promise<void>;
  /** From the next request on; undefined: like the vendor again. */
  misbehave(mischief: Mischief | undefined): void;
  /** Forgets requests and counts, and behaves. */
  reset(): void;
  close(): Promise<void>;
}

/** A handler that fails with anything but a `VendorRefusal` answers 500 with its message: the fault of a test. */
export async function startVendorServer(handle: VendorHandler): Promise<VendorServer> {
  let requests: VendorRequest[] = [];
  let waiting: (() => void)[] = [];
  let mischief: Mischief | undefined;
  let [atOnce, mostAtOnce, left] = [0, 0, 0];

  function embed(texts: readonly string[], dimensions: number): readonly (readonly number[])[] {
    const vectors = texts.map((text) => [...hashVector(text, dimensions)]);
    return mischief?.kind === "bend" ? mischief.bend(vectors) : vectors;
  }

  async function answer(request: VendorRequest): Promise<VendorReply> {
    if (mischief?.kind === "reply") return mischief;
    try {
      return await handle(request, embed);
    } catch (error) {
      if (error instanceof VendorRefusal) return error.reply;
      return { status: 500, body: error instanceof Error ? (error.stack ?? error.message) : String(error) };
    }
  }

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await readRequest(incoming);
    requests.push(request);
    mostAtOnce = Math.max(mostAtOnce, ++atOnce);
    response.once("close", () => {
      atOnce--;
      if (!response.writableFinished) left++;
    });
    for (const notice of waiting) notice();
    if (mischief?.kind === "hang") return;
    if (mischief?.kind === "slam") return void incoming.socket.destroy();
    const isCut = mischief?.kind === "cut";
    write(response, await answer(request), isCut);
  }

  const server = createServer((incoming, response) => {
    serve(incoming, response).catch(() => incoming.socket.destroy());
  });
  // Kept connections must not end in the middle of a test.
  server.keepAliveTimeout = 90_000;
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // a listening TCP server has one

  return {
    port,
    url: `http://127.0.0.1:${port}`,
    get requests() {
      return requests;
    },
    get mostAtOnce() {
      return mostAtOnce;
    },
    get left() {
      return left;
    },
    arrived(count = 1) {
      const goal = requests.length + count;
      return new Promise((resolve) => {
        const notice = () => {
          if (requests.length < goal) return;
          waiting = waiting.filter((other) => other !== notice);
          resolve();
        };
        waiting = [...waiting, notice];
      });
    },
    misbehave(next) {
      mischief = next;
    },
    reset() {
      requests = [];
      mischief = undefined;
      [mostAtOnce, left] = [atOnce, 0];
    },
    async close() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

async function readRequest(incoming: IncomingMessage): Promise<VendorRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString("utf8");
  const target = incoming.url ?? "/";
  const url = new URL(target, "http://vendor.test");
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return {
    method: incoming.method ?? "",
    target,
    path: url.pathname,
    query: url.searchParams,
    headers,
    body,
    json: parse(body),
  };
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function write(response: ServerResponse, reply: VendorReply, isCut: boolean): void {
  const isText = typeof reply.body === "string";
  const bytes = Buffer.from(isText ? String(reply.body) : JSON.stringify(reply.body));
  response.writeHead(reply.status, {
    "content-type": isText ? "text/plain" : "application/json",
    ...reply.headers,
    "content-length": bytes.length,
  });
  if (!isCut) response.end(bytes);
  else response.write(bytes.subarray(0, bytes.length / 2), () => response.socket?.destroy());
}
