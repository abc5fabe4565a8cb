import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeVector, encodeVector } from "./vector-bytes.ts";

describe("vectors in bytes", () => {
  it("come back to the last bit", () => {
    fc.assert(
      fc.property(fc.float32Array({ minLength: 1, maxLength: 40 }), (vector) => {
        const back = decodeVector(encodeVector(vector), vector.length);
        expect(back).toEqual(vector);
      }),
    );
  });

  it("have the layout of vector_send: two words, then big-endian floats", () => {
    expect(encodeVector(Float32Array.from([1, -2])).toString("hex")).toBe("000200003f800000c0000000");
  });

  it("may be as many as pgvector takes", () => {
    expect(decodeVector(encodeVector(new Float32Array(16_000).fill(0.5)), 16_000)[15_999]).toBe(0.5);
  });

  it("are refused when they are cut anywhere, or of another length", () => {
    const bytes = encodeVector(Float32Array.from([1, 2, 3]));
    for (let length = 0; length < bytes.length; length++)
      expect(() => decodeVector(bytes.subarray(0, length), 3)).toThrow("not whole");
    expect(() => decodeVector(bytes, 4)).toThrow("a vector of 3 numbers among vectors of 4");
  });
});
