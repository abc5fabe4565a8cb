import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { splitIntoCalls, tidy, truncateUtf8 } from "./cut.ts";
import { fewerTexts, leastTextBytes, shorterTexts } from "./give-way.ts";
import { formsOf, readEndpoint, secretsOf, spaceOf } from "./request.ts";
import { messageIn, presentable, type Sensitive } from "./vendor-message.ts";

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

describe("splitIntoCalls", () => {
  it("keeps texts and their order within the bounds, in no more calls than needed", () => {
    const bounds = fc.record({
      textsPerCall: fc.integer({ min: 1, max: 5 }),
      bytesPerCall: fc.integer({ min: 4, max: 60 }),
      bytesPerText: fc.integer({ min: 4, max: 40 }),
    });
    fc.assert(
      fc.property(fc.array(anyText), bounds, (texts, bound) => {
        const calls = splitIntoCalls(texts, bound);
        expect(calls.flat()).toEqual(texts.map((text) => truncateUtf8(text, bound.bytesPerText)));
        const bytes = (call: readonly string[]) =>
          call.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
        calls.forEach((call, i) => {
          expect(call.length).toBeGreaterThan(0);
          expect(call.length).toBeLessThanOrEqual(bound.textsPerCall);
          if (call.length > 1) expect(bytes(call)).toBeLessThanOrEqual(bound.bytesPerCall);
          const [following] = calls[i + 1] ?? [];
          if (following === undefined) return;
          const wouldFit =
            call.length < bound.textsPerCall &&
            bytes(call) + Buffer.byteLength(following) <= bound.bytesPerCall;
          expect(wouldFit).toBe(false);
        });
      }),
    );
  });
});

describe("tidy", () => {
  it("gives well-formed text without white space around it, and leaves the rest", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const tidied = tidy(text);
        expect(Buffer.from(tidied).toString()).toBe(tidied);
        expect(tidied.trim()).toBe(tidied);
        expect(tidied).toHaveLength(text.trim().length);
        if (!/\p{Surrogate}/u.test(text)) expect(tidied).toBe(text.trim());
      }),
    );
    expect(tidy(" a\ud83d b\ude00 \ud83d\ude00\n")).toBe("a\ufffd b\ufffd \ud83d\ude00");
  });
});

describe("what a vendor complains of", () => {
  it.each([
    "batch size 64 > maximum allowed batch size 32",
    "Too many inputs. The max number of inputs is 1. We hope to increase the number of inputs per request soon.",
    "Too many tokens overall, split into more batches.",
    "Too many tokens in batch. Max is 16384 got 17555",
    "Value error, batch size is invalid, it should not be larger than 10.: input.contents",
    "Requested 400000 tokens, max 300000 tokens per request",
  ])("is the number of texts: %s", (message) => {
    expect(fewerTexts(512, message)).toBe(64);
    expect(fewerTexts(1, message)).toBeUndefined();
  });

  it.each([
    "This model's maximum context length is 8192 tokens, however you requested 9000 tokens (9000 in your prompt; 0 for the completion).",
    "Input validation error: `inputs` must have less than 512 tokens. Given: 2000",
    "Input id 0 has 9000 tokens, exceeding max 8192 tokens.",
    "the input length exceeds the context length",
    "input (600 tokens) is too large to process",
    "Input is too long for requested model.",
  ])("is the length of a text: %s", (message) => {
    expect(fewerTexts(512, message)).toBeUndefined();
    expect(shorterTexts(8192, message)).toBe(2048);
    expect(shorterTexts(leastTextBytes + 1, message)).toBe(leastTextBytes);
    expect(shorterTexts(leastTextBytes, message)).toBeUndefined();
  });

  it.each(["'$.input' is invalid.", "Invalid model: x", "Unauthorized", ""])("is neither: %s", (message) => {
    expect(fewerTexts(512, message)).toBeUndefined();
    expect(shorterTexts(8192, message)).toBeUndefined();
  });
});

describe("readEndpoint", () => {
  const read = (upstream_url?: string) =>
    readEndpoint({ model: { options: { upstream_url } } }, "https://standard.test/v1").href;

  it("takes the configured URL before the standard one", () => {
    expect(read()).toBe("https://standard.test/v1");
    expect(read("http://own.test:8080/embed?x=1")).toBe("http://own.test:8080/embed?x=1");
  });

  it("refuses what cannot be called, names the setting and shows no credential", () => {
    for (const [url, reason] of [
      ["nonsense", "not an http(s) URL"],
      ["ftp://x/y", "not an http(s) URL"],
      ["", "not an http(s) URL"],
      ["http://h/$(headers.x)", "template"],
      ["http://user:hush@h/v1", "embeddings.auth"],
    ] as const) {
      expect(() => read(url)).toThrow(reason);
      expect(() => read(url)).toThrow(/^embeddings\.model\.options\.upstream_url/);
      expect(() => read(url)).not.toThrow(/hush/);
    }
  });
});

describe("spaceOf", () => {
  const parts = { provider: "p", model: "m", dimensions: undefined };

  it("tells queries apart without showing them", () => {
    const space = (query: string) => spaceOf({ ...parts, endpoint: new URL(`http://h/e${query}`) });
    expect(space("")).toBe("p:http://h/e:m:native");
    expect(space("?key=one")).not.toBe(space("?key=two"));
    expect(space("?key=one")).not.toContain("one");
  });
});

describe("secretsOf", () => {
  it("has a credential whole, without its scheme, and as a URL has it", () => {
    expect(secretsOf({ header_value: "Bearer tok/1", param_value: "p&q" })).toEqual([
      "Bearer tok/1",
      "tok/1",
      "Bearer%20tok%2F1",
      "p&q",
      "p%26q",
    ]);
    for (const auth of [undefined, {}, { header_value: "" }]) expect(secretsOf(auth)).toEqual([]);
    expect(formsOf("plain")).toEqual(["plain"]);
  });
});

const vendorMessage = (body: string, sensitive: Sensitive) => presentable(messageIn(body), sensitive);

describe("what is shown of a vendor's message", () => {
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
    expect(show({ object: "error", message: { detail: [{ loc: ["body", "input"], msg: "seven" }] } })).toBe(
      "body.input: seven",
    );
    for (const odd of [{ message: {} }, {}, [], null, 1, "text", { error: null }, { error: { message: 1 } }])
      expect(show(odd)).toBe("");
    expect(vendorMessage("plain\n text", { secrets: [], texts: [] })).toBe("plain text");
  });
});
