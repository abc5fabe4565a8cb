import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { xxHash32 } from "./xxhash32.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const prime = 0x9e3779b1;

/** The bytes that xxHash's own self-check hashes (xxhsum.c, versions 0.6 and 0.7): the top byte of a number squared again and again. */
function sanityBuffer(length: number): Uint8Array {
  const buffer = new Uint8Array(length);
  let generator = prime | 0;
  for (let at = 0; at < length; at++) {
    buffer[at] = generator >>> 24;
    generator = Math.imul(generator, generator);
  }
  return buffer;
}

describe("XXH32", () => {
  it.each([
    [0, 0, 0x02cc5d05],
    [0, prime, 0x36b78ae7],
    [1, 0, 0xb85cbee5],
    [1, prime, 0xd5845d64],
    [14, 0, 0xe5aa0ab4],
    [14, prime, 0x4481951d],
    [101, 0, 0x1f1aa412],
    [101, prime, 0x498ec8e2],
  ])(
    "gives the published hash of the first %i bytes of the self-check with seed %i",
    (length, seed, hash) => {
      expect(xxHash32(sanityBuffer(101).subarray(0, length), seed)).toBe(hash);
    },
  );

  it.each([
    ["a", 0x550d7456],
    ["abc", 0x32d153ff],
    ["Nobody inspects the spammish repetition", 0xe2293b2f],
  ])("gives the known hash of %j", (text, hash) => {
    expect(xxHash32(bytesOf(text))).toBe(hash);
  });

  it("is a whole number below 2³² that depends on every byte, on the length, and on nothing around the bytes", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 70 }),
        fc.nat(),
        fc.nat(255),
        (bytes, at, other) => {
          const hash = xxHash32(bytes);
          expect(Number.isInteger(hash) && hash >= 0 && hash < 2 ** 32).toBe(true);
          const padded = new Uint8Array([9, ...bytes, 9]);
          expect(xxHash32(padded.subarray(1, -1))).toBe(hash);
          expect(xxHash32(padded)).not.toBe(hash);
          const changed = Uint8Array.from(bytes);
          changed[at % bytes.length] = other;
          // One round is a bijection of its input, so a single changed word never collides.
          if (other !== bytes[at % bytes.length]) expect(xxHash32(changed)).not.toBe(hash);
        },
      ),
    );
  });

  it("spreads keys that differ in their last digit only: no bucket of 64 is off by more than five deviations", () => {
    const count = 64_000;
    const buckets = new Uint32Array(64);
    for (let key = 0; key < count; key++) {
      const bucket = xxHash32(bytesOf(`user-${key}`)) >>> 26;
      buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    }
    const deviation = Math.sqrt((count / 64) * (1 - 1 / 64));
    for (const each of buckets) expect(Math.abs(each - count / 64)).toBeLessThan(5 * deviation);
  });
});
