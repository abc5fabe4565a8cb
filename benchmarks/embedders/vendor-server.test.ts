import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { paths, prepareAnswers } from "./answers.ts";
import { readRequest, startVendors } from "./vendor-server.ts";

function requestTo(path: string, body: string): string {
  const length = Buffer.byteLength(body);
  return `POST ${path} HTTP/1.1\r\nhost: vendors\r\nContent-Length: ${length}\r\nconnection: keep-alive\r\n\r\n${body}`;
}

describe("readRequest", () => {
  it("waits for the whole of a request, wherever it is cut, and takes nothing of the next", () => {
    const bodies = fc.string({ unit: "grapheme", maxLength: 60 });
    fc.assert(
      fc.property(bodies, fc.string({ maxLength: 20 }), fc.nat(), (body, rest, cut) => {
        const request = Buffer.from(requestTo("/api/embed", body));
        const found = { path: "/api/embed", length: request.length };
        expect(readRequest(Buffer.concat([request, Buffer.from(rest)]))).toEqual(found);
        expect(readRequest(request.subarray(0, cut % request.length))).toBeUndefined();
      }),
    );
  });

  it("leaves the query out of the path", () => {
    expect(readRequest(Buffer.from(requestTo("/a/b?key=1", "")))?.path).toBe("/a/b");
  });
});

describe("the vendors' server", () => {
  let server: Awaited<ReturnType<typeof startVendors>>;
  beforeAll(async () => {
    server = await startVendors(0);
  });
  afterAll(async () => {
    server.close();
    await once(server, "close");
  });

  /** What comes back on one connection for these pieces of bytes, until `count` answers are there. */
  async function exchange(pieces: readonly string[], count: number): Promise<readonly string[]> {
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1"); // it listens on TCP
    let text = "";
    const isWhole = () => text.split("HTTP/1.1 ").length === count + 1 && text.endsWith("}");
    try {
      for (const piece of pieces) socket.write(piece);
      while (!isWhole()) text += (await once(socket, "data"))[0];
      return text.split("HTTP/1.1 ").slice(1);
    } finally {
      socket.destroy();
    }
  }

  it("answers each path with what was prepared for it, and says when there is nothing", async () => {
    const [first, second] = await exchange(
      [
        requestTo(paths.openaiBase64, "{}") + requestTo("/nowhere", "{}").slice(0, 30),
        requestTo("/nowhere", "{}").slice(30),
      ],
      2,
    );
    const body = prepareAnswers().get(paths.openaiBase64) ?? "";
    expect(first).toContain(`content-length: ${body.length}\r\n\r\n${body}`);
    expect(second).toMatch(/^404 .*nothing was prepared/s);
  });
});
