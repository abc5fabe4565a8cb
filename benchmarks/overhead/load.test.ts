import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { startLoad } from "./load.ts";

const answer = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n[DONE]";
let server: Server | undefined;

afterEach(() => {
  server?.close();
});

/** Answers the n-th request with the n-th text; resolves `asked` when that many requests have come. */
async function serve(reply: (request: number, socket: Socket) => void): Promise<number> {
  let requests = 0;
  server = createServer((socket) => {
    socket.on("data", () => reply(requests++, socket));
    socket.on("error", () => socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

const options = {
  connections: 2,
  requests: [Buffer.from("a"), Buffer.from("b")],
  spreadMs: 0,
  endsWith: "[DONE]",
};

describe("startLoad", () => {
  it("sends the next request when an answer has ended, and counts answers and times of its span", async () => {
    let reached = () => {};
    const enough = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const port = await serve((request, socket) => {
      if (request === 40) reached();
      socket.write(answer);
    });
    const load = startLoad({ ...options, port });
    await enough;
    const sample = load.take();
    expect(sample.answers).toBeGreaterThanOrEqual(38);
    expect(sample.answersWorth).toBeCloseTo(sample.answers);
    expect(sample.firstBytesMs).toHaveLength(sample.answers);
    load.mark();
    expect(() => load.take()).toThrow("no answer");
    await load.stop();
    expect(load.answers).toBeGreaterThanOrEqual(sample.answers);
  });

  it.each([
    ["HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n", "an answer with status 502"],
    ["HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ncut!", "an answer that does not end with [DONE]"],
    ["HTTP/1.1 200 OK\r\n\r\n", "neither a content length nor chunks"],
  ])("reports the answer %j instead of counting it", async (text, message) => {
    const port = await serve((_request, socket) => socket.write(text));
    const load = startLoad({ ...options, port });
    await once(server ?? createServer(), "connection");
    // The connections are closed by the first wrong answer.
    while (load.answers === 0 && !failed(load)) await new Promise((resolve) => setImmediate(resolve));
    expect(() => load.take()).toThrow(message);
    await load.stop();
  });

  it("reports a connection that is closed in the middle of an answer", async () => {
    const port = await serve((_request, socket) =>
      socket.end("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"),
    );
    const load = startLoad({ ...options, port });
    while (!failed(load)) await new Promise((resolve) => setImmediate(resolve));
    expect(() => load.take()).toThrow("closed before the answer had ended");
    await load.stop();
  });
});

function failed(load: ReturnType<typeof startLoad>): boolean {
  try {
    load.take();
    return false;
  } catch (error) {
    return !String(error).includes("no answer");
  }
}
