import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { giveWay, initialDialect, narrow, truncateUtf8 } from "./request.ts";
import { retryAfterMs } from "./retry-after.ts";
import { vendorMessage } from "./vendor-message.ts";

const anyText = fc.oneof(fc.string(), fc.string({ unit: "grapheme" }), fc.string({ unit: "binary" }));

describe("truncateUtf8", () => {
  it("gives the longest beginning that fits and cuts no character", () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 4, max: 60 }), (text, maxBytes) => {
        const cut = truncateUtf8(text, maxBytes);
        expect(text.startsWith(cut)).toBe(true);
        expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(maxBytes);
        const [next] = text.slice(cut.length);
        if (next !== undefined) expect(Buffer.byteLength(cut + next)).toBeGreaterThan(maxBytes);
      }),
    );
  });
});

describe("giveWay", () => {
  it("comes to an end whatever a server complains of, and only for complaints about the request", () => {
    const complaint = fc.constantFrom(
      "encoding_format",
      "dimensions",
      "maximum context length is 512 tokens",
      "no",
    );
    fc.assert(
      fc.property(
        fc.array(complaint, { minLength: 12, maxLength: 12 }),
        fc.constantFrom(400, 413, 422),
        (complaints, status) => {
          let dialect = initialDialect("text-embedding-3-small", 64);
          let steps = 0;
          for (const message of complaints) {
            const next = giveWay(dialect, status, message);
            if (next === undefined) continue;
            expect(narrow(dialect, next)).toEqual(next);
            expect(next).not.toEqual(dialect);
            dialect = next;
            steps++;
          }
          expect(steps).toBeLessThanOrEqual(5);
        },
      ),
    );
    for (const status of [401, 404, 429, 500]) {
      expect(
        giveWay(initialDialect("m", 64), status, "encoding_format, dimensions, too long"),
      ).toBeUndefined();
    }
  });
});

describe("vendorMessage", () => {
  it("never shows a secret, nor 24 characters of a text, wherever they stand", () => {
    const part = fc.string({ maxLength: 40 });
    const secret = fc.stringMatching(/^[A-Za-z0-9]{12,30}$/);
    const text = fc
      .stringMatching(/^[a-z0-9 ]{30,80}$/)
      .filter((value) => value.trim().replace(/\s+/g, " ").length >= 30);
    fc.assert(
      fc.property(part, part, secret, text, fc.nat(5), (before, after, key, sent, from) => {
        const clean = sent.trim().replace(/\s+/g, " ");
        for (const message of [`${before}${key}${after}`, `${before}${clean.slice(from)}${after}`]) {
          for (const body of [
            JSON.stringify({ error: { message } }),
            JSON.stringify({ detail: [{ msg: message }] }),
            message,
          ]) {
            const shown = vendorMessage(body, { secrets: [key], texts: [sent] });
            expect(shown).not.toContain(key);
            for (let at = 0; at + 24 <= clean.length; at++)
              expect(shown).not.toContain(clean.slice(at, at + 24));
            expect(shown.length).toBeLessThanOrEqual(301);
          }
        }
      }),
    );
  });

  it("shows the usual shapes", () => {
    const show = (body: unknown) => vendorMessage(JSON.stringify(body), { secrets: [], texts: ["a"] });
    expect(show({ error: { message: "one" } })).toBe("one");
    expect(show({ error: "two" })).toBe("two");
    expect(show({ message: "three" })).toBe("three");
    expect(show({ detail: "four" })).toBe("four");
    expect(show({ detail: [{ loc: ["body", "input"], msg: "five" }, { msg: "six" }] })).toBe(
      "body.input: five; six",
    );
    for (const odd of [{}, [], null, 1, "text", { error: null }, { error: { message: 1 } }])
      expect(show(odd)).toBe("");
    expect(vendorMessage("plain\n text", { secrets: [], texts: [] })).toBe("plain text");
  });
});

describe("retryAfterMs", () => {
  it("reads seconds, milliseconds and dates, and ignores the rest", () => {
    expect(retryAfterMs({ "retry-after": "7" })).toBe(7000);
    expect(retryAfterMs({ "retry-after": "0.5" })).toBe(500);
    expect(retryAfterMs({ "retry-after-ms": "120", "retry-after": "7" })).toBe(120);
    const date = "Wed, 21 Oct 2026 07:28:00 GMT";
    expect(retryAfterMs({ "retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", date })).toBe(30_000);
    expect(retryAfterMs({ "retry-after": "Wed, 21 Oct 2026 07:27:00 GMT", date })).toBe(0);
    for (const odd of ["soon", "", "-5", "1e9x", date])
      expect(retryAfterMs({ "retry-after": odd })).toBeUndefined();
    expect(retryAfterMs({})).toBeUndefined();
  });
});
