import { randomBytes } from "node:crypto";
import { brotliCompressSync, constants, createGzip, deflateSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { bodyOf, createCollectingSink, createScriptedBody } from "../../test/support/body-streams.ts";
import { settled } from "../../test/support/fake-clock.ts";
import { until } from "../../test/support/until.ts";
import { inflate } from "./inflate.ts";

const text = `${"Grüße, ".repeat(50)}end`;
const codings = [
  { name: "gzip", compress: gzipSync },
  { name: "x-gzip", compress: gzipSync },
  { name: " GZip ", compress: gzipSync },
  { name: "deflate", compress: deflateSync },
  { name: "br", compress: brotliCompressSync },
];

/** Everything a reader gets of a compressed body. */
async function read(name: string, chunks: readonly Uint8Array[], failure?: Error) {
  const sink = createCollectingSink();
  inflate(bodyOf(chunks, failure), name).start(sink);
  await sink.over;
  await settled();
  return sink;
}

describe.each(codings)("inflate, $name", ({ name, compress }) => {
  const bytes = compress(Buffer.from(text));

  it("gives the body as it was", async () => {
    const sink = await read(name, [bytes]);
    expect(sink.text).toBe(text);
    expect(sink.ends).toBe(1);
    expect(sink.failure).toBeUndefined();
  });

  it("gives the same however the bytes are cut", async () => {
    for (let size = 1; size <= 12; size++) {
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
        bytes.subarray(at * size, (at + 1) * size),
      );
      expect((await read(name, chunks)).text).toBe(text);
    }
  });

  it("fails once, and never ends well, where the body stops at any earlier byte", async () => {
    for (let cut = 1; cut < bytes.length; cut++) {
      const sink = await read(name, [bytes.subarray(0, cut)]);
      expect(sink.ends).toBe(0);
      expect(sink.failure).toBeInstanceOf(Error);
      expect(text.startsWith(sink.text)).toBe(true);
    }
  });

  it("tells what had come before the body broke, and then the upstream's own reason", async () => {
    const reason = new Error("other side closed");
    const whole = await read(name, [bytes], reason);
    expect(whole.text).toBe(text);
    expect(whole.ends).toBe(0);
    expect(whole.failure).toBe(reason);
    const half = await read(name, [bytes.subarray(0, bytes.length - 3)], reason);
    expect(half.failure).toBe(reason);
    expect(half.ends).toBe(0);
  });

  it("fails at junk, and lets go of the upstream", async () => {
    const body = createScriptedBody();
    const sink = createCollectingSink();
    inflate(body, name).start(sink);
    body.write(Buffer.from("<html>not compressed at all, whatever the header says</html>"));
    await sink.over;
    expect(sink.failure).toBeInstanceOf(Error);
    expect(sink.text).toBe("");
    expect(body.cancelled).toBeInstanceOf(Error);
    expect(body.write(bytes)).toBe(false);
    body.end();
    await settled();
    expect(sink.ends).toBe(0);
  });
});

describe("inflate", () => {
  it("hands each write of a stream on at once, not when a window is full", async () => {
    const body = createScriptedBody();
    const sink = createCollectingSink();
    inflate(body, "gzip").start(sink);
    const encoder = createGzip();
    const flushed = (chunk: string) =>
      new Promise<Buffer>((resolve) => {
        encoder.write(chunk);
        encoder.flush(constants.Z_SYNC_FLUSH, () => resolve(encoder.read()));
      });
    body.write(await flushed("data: 1\n\n"));
    await until(() => sink.text !== "");
    expect(sink.text).toBe("data: 1\n\n");
  });

  it("gives the very body where nothing is to be undone", () => {
    const body = bodyOf(["x"]);
    expect(inflate(body, undefined)).toBe(body);
    expect(inflate(body, "identity")).toBe(body);
    expect(inflate(body, "unheard-of")).toBe(body);
  });

  it("stops reading when the reader has no room, and goes on when it has", async () => {
    const big = gzipSync(Buffer.alloc(4 * 1024 * 1024, "x"));
    const body = createScriptedBody();
    const sink = createCollectingSink();
    sink.hasRoom = false;
    const flow = inflate(body, "gzip").start(sink);
    body.write(big);
    body.end();
    await until(() => sink.text !== "");
    for (let turn = 0; turn < 2000; turn++) await settled();
    expect(sink.chunks.length).toBeLessThanOrEqual(2);
    sink.hasRoom = true;
    flow.resume();
    await sink.over;
    expect(sink.text.length).toBe(4 * 1024 * 1024);
    expect(sink.ends).toBe(1);
  });

  it("asks the upstream for more once it has room itself", async () => {
    const body = createScriptedBody();
    const sink = createCollectingSink();
    inflate(body, "gzip").start(sink);
    const bytes = gzipSync(randomBytes(1024 * 1024));
    let at = 0;
    while (body.write(bytes.subarray(at, at + 4096))) at += 4096;
    expect(at).toBeLessThan(64 * 1024);
    await until(() => body.resumes > 0);
    body.write(bytes.subarray(at + 4096));
    body.end();
    await sink.over;
    expect(sink.failure).toBeUndefined();
  });

  it("frees both sides when the reader leaves", async () => {
    const body = createScriptedBody();
    const sink = createCollectingSink();
    const flow = inflate(body, "gzip").start(sink);
    body.write(gzipSync(text));
    flow.cancel(new Error("the client is gone"));
    for (let turn = 0; turn < 20; turn++) await settled();
    expect(body.cancelled?.message).toBe("the client is gone");
    expect(sink.chunks).toEqual([]);
    expect(sink.ends).toBe(0);
    expect(sink.failure).toBeUndefined();
  });
});
