import { PassThrough, Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { createExchange } from "../../test/support/exchange.ts";
import { settled } from "../../test/support/fake-clock.ts";
import { rejectionOf } from "../../test/support/gateway-errors.ts";
import { readBody, requestBody } from "./body.ts";

const bodyOf = (...chunks: string[]) =>
  Readable.from(
    chunks.map((chunk) => Buffer.from(chunk)),
    { objectMode: false },
  );

describe("readBody", () => {
  it("gives all bytes, of one chunk, of many and of none", async () => {
    expect((await readBody(bodyOf("abc"), 10, "3")).toString()).toBe("abc");
    expect((await readBody(bodyOf("ab", "c", "de"), 5, undefined)).toString()).toBe("abcde");
    expect(await readBody(bodyOf(), 5, "0")).toHaveLength(0);
  });

  it("refuses a declared length above the limit at once, without reading", async () => {
    const body = new PassThrough();
    const error = await rejectionOf(readBody(body, 10, "11"));
    expect(error).toMatchObject({ status: 413, code: "body_too_large" });
    expect(error.message).toContain("10 bytes");
    expect(body.readableFlowing).toBeNull();
  });

  it("refuses as soon as more has come than allowed, whatever was declared", async () => {
    for (const declared of [undefined, "3", "nonsense"]) {
      const body = new PassThrough();
      const reading = rejectionOf(readBody(body, 5, declared));
      body.write("abc");
      body.write("def");
      expect(await reading).toMatchObject({ status: 413 });
    }
    expect((await readBody(bodyOf("abcde"), 5, "5")).toString()).toBe("abcde");
  });

  it("keeps nothing of what comes after it has refused", async () => {
    const body = new PassThrough();
    const reading = rejectionOf(readBody(body, 5, undefined));
    body.write("abcdef");
    await reading;
    expect(body.listenerCount("data")).toBe(0);
  });

  it("has no limit at 0", async () => {
    const big = "x".repeat(3_000_000);
    expect(await readBody(bodyOf(big), 0, String(big.length))).toHaveLength(3_000_000);
  });

  it("says that the request was cut when the client leaves or its connection breaks", async () => {
    const left = new PassThrough();
    const leaving = rejectionOf(readBody(left, 10, "8"));
    left.write("abc");
    await settled();
    left.destroy();
    expect(await leaving).toMatchObject({ status: 400, code: "request_cut" });

    expect(await rejectionOf(readBody(left, 10, "8"))).toMatchObject({ code: "request_cut" });

    const broken = new PassThrough();
    const breaking = rejectionOf(readBody(broken, 10, "8"));
    const reason = new Error("ECONNRESET");
    broken.destroy(reason);
    const error = await breaking;
    expect(error).toMatchObject({ status: 400, code: "request_cut" });
    expect(error.cause).toBe(reason);
  });
});

describe("requestBody", () => {
  it("reads the body, unless somebody has read it before, within the limit either way", async () => {
    const { request } = createExchange({ body: "abc" });
    expect((await requestBody(request, 3)).toString()).toBe("abc");
    const read = { ...request, bytes: Buffer.from("abcde") };
    expect(await requestBody(read, 5)).toBe(read.bytes);
    expect(await requestBody(read, 0)).toBe(read.bytes);
    expect((await rejectionOf(requestBody(read, 4))).code).toBe("body_too_large");
  });
});
