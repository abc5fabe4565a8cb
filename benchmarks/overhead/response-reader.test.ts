import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Progress, ResponseReader } from "./response-reader.ts";

const plain = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 11\r\n\r\nhello world";
const chunked =
  "HTTP/1.1 429 Too Many\r\ntransfer-encoding: chunked\r\n\r\n4\r\ndata\r\n1A\r\nabcdefghijklmnopqrstuvwxy\n\r\n0\r\n\r\n";
const empty = "HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n";
const answers = [
  { text: plain, status: 200, bodyBytes: 11 },
  { text: chunked, status: 429, bodyBytes: 30 },
  { text: empty, status: 204, bodyBytes: 0 },
] as const;

function pushAll(reader: ResponseReader, text: string, cuts: readonly number[]): Progress[] {
  const bytes = Buffer.from(text);
  const ends = [...new Set(cuts.map((cut) => cut % bytes.length).filter((cut) => cut > 0))].sort(
    (a, b) => a - b,
  );
  return [...ends, bytes.length].map((end, index) => reader.push(bytes.subarray(ends[index - 1] ?? 0, end)));
}

describe("ResponseReader", () => {
  it("finds the same answers wherever the bytes are cut", () => {
    const sequence = fc.array(fc.tuple(fc.constantFrom(...answers), fc.array(fc.nat(200))), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(sequence, (items) => {
        const reader = new ResponseReader();
        for (const [{ text, status, bodyBytes }, cuts] of items) {
          const steps = pushAll(reader, text, cuts);
          expect(steps.at(-1)).toBe("end");
          expect(steps.slice(0, -1)).not.toContain("end");
          expect([reader.status, reader.bodyBytes]).toEqual([status, bodyBytes]);
        }
      }),
    );
  });

  it("says body only once a byte of the body has come", () => {
    const reader = new ResponseReader();
    expect(reader.push(Buffer.from("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"))).toBe("head");
    expect(reader.push(Buffer.from("4\r\n"))).toBe("head");
    expect(reader.push(Buffer.from("d"))).toBe("body");
    expect(reader.push(Buffer.from("ata\r\n"))).toBe("body");
    expect(reader.push(Buffer.from("0\r\n\r\n"))).toBe("end");
    expect(reader.push(Buffer.from("HTTP/1.1 200 OK\r\n"))).toBe("head");
  });

  it("knows the end of the body across cuts and framing", () => {
    const reader = new ResponseReader();
    reader.push(Buffer.from("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n: [DO\r\n"));
    expect(reader.tailIncludes("[DONE]")).toBe(false);
    reader.push(Buffer.from("5\r\nNE]\n\n\r\n0\r\n\r\n"));
    expect(reader.tailIncludes("[DONE]")).toBe(true);
    reader.push(Buffer.from(plain));
    expect(reader.tailIncludes("[DONE]")).toBe(false);
  });

  it("refuses what it cannot measure", () => {
    expect(() => new ResponseReader().push(Buffer.from("HTTP/1.1 200 OK\r\n\r\nabc"))).toThrow(
      /neither a content length/,
    );
    expect(() => new ResponseReader().push(Buffer.from(`${plain}!`))).toThrow("1 bytes came after the end");
    expect(() => new ResponseReader().push(Buffer.alloc(40_000, "a"))).toThrow(/longer than/);
    const badChunk = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n";
    expect(() => new ResponseReader().push(Buffer.from(badChunk))).toThrow("has no size");
  });
});
