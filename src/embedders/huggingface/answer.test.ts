import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readEmbeddings, readRefusal } from "./answer.ts";

const numbers = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 5 });

describe("readEmbeddings", () => {
  it("reads lists of vectors, bare and named", () => {
    fc.assert(
      fc.property(fc.array(numbers, { minLength: 1, maxLength: 5 }), (list) => {
        const expected = list.map((vector) => Float32Array.from(vector));
        for (const body of [list, { embeddings: list }]) {
          // JSON has no negative zero.
          const read = readEmbeddings(JSON.stringify(body)).vectors.map((vector) =>
            vector.map((value) => value + 0),
          );
          expect(read).toEqual(expected.map((vector) => vector.map((value) => value + 0)));
        }
      }),
    );
  });

  it("refuses anything else in words that quote nothing of it", () => {
    const marker = "s3cretText";
    for (const body of [
      marker,
      `"${marker}"`,
      `{"error":"${marker}"}`,
      `[["${marker}"]]`,
      `["${marker}"]`,
      "[[[1]]]",
      "null",
    ]) {
      expect(() => readEmbeddings(body), body).toThrow(Error);
      expect(() => readEmbeddings(body), body).not.toThrow(marker);
    }
  });
});

describe("readRefusal", () => {
  it("reads any body without throwing", () => {
    const shaped = fc
      .record(
        { error: fc.jsonValue(), estimated_time: fc.oneof(fc.jsonValue(), fc.double()) },
        { requiredKeys: [] },
      )
      .map((json) => JSON.stringify(json));
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), shaped), (text) => {
        const { message, retryAfterMs } = readRefusal(text);
        expect(["string", "undefined"]).toContain(typeof message);
        if (retryAfterMs !== undefined) expect(retryAfterMs).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
