import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fold, grams, MAX_CHARACTERS, sampleText, words } from "./tokenizer.ts";

const known = new Set([
  "how",
  "do",
  "i",
  "reset",
  "my",
  "password",
  "it",
  "^IT",
  "don",
  "support",
  "type",
  "error",
  "contrasena",
]);
const split = (text: string) => words(text, known);

describe("words", () => {
  test("are lower case, without punctuation", () => {
    expect(split("How do I reset my password?")).toEqual(["how", "do", "i", "reset", "my", "password"]);
  });

  test("keep an acronym that is also a common word apart, unless all is shouted", () => {
    expect(split("IT support for it")).toEqual(["^IT", "support", "for", "it"]);
    expect(split("RESET IT")).toEqual(["reset", "it"]);
  });

  test("split names in camel case that the table lacks", () => {
    expect(split("a TypeError")).toEqual(["a", "type", "error"]);
  });

  test("fall back to the part before an apostrophe", () => {
    expect(split("don't")).toEqual(["don"]);
  });

  test("keep the symbols of code", () => {
    expect(split("f(x) = {y}")).toEqual(["f", "(", "x", ")", "=", "{", "y", "}"]);
  });

  test("are found with and without accents", () => {
    expect(split("contraseña contrasena")).toEqual(["contrasena", "contrasena"]);
    expect(fold("Straße")).toBe("Strasse");
  });
});

describe("a huge text", () => {
  test("is sampled from beginning, middle and end", () => {
    const text = `${"alpha ".repeat(20_000)}${"beta ".repeat(20_000)}${"gamma ".repeat(20_000)}`;
    const sample = sampleText(text);
    expect(sample.length).toBeLessThanOrEqual(MAX_CHARACTERS + 100);
    for (const part of ["alpha", "beta", "gamma"]) expect(sample.split(part).length).toBeGreaterThan(100);
    expect(sample.endsWith("gamma ")).toBe(true);
  });

  test("that is not huge is left alone", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 500 }), (text) => {
        expect(sampleText(text)).toBe(text);
      }),
    );
  });
});

describe("character grams", () => {
  test("fall into the given number of buckets, at least one for any word", () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 1000 }),
        (word, buckets) => {
          const seen = grams(word, buckets);
          expect(seen.length).toBeGreaterThan(0);
          expect(seen.every((bucket) => Number.isInteger(bucket) && bucket >= 0 && bucket < buckets)).toBe(
            true,
          );
        },
      ),
    );
  });

  test("are FNV-1a, as in models/tokenizer.py", () => {
    expect(grams("a", 2 ** 32)).toEqual([fnv("<a>")]);
  });
});

function fnv(text: string): number {
  let value = 0x811c9dc5n;
  for (const character of text) value = ((value ^ BigInt(character.charCodeAt(0))) * 0x01000193n) % 2n ** 32n;
  return Number(value);
}

interface Twin {
  readonly known: readonly string[];
  readonly cases: readonly {
    readonly text: string;
    readonly words: readonly string[];
    readonly grams: readonly (readonly number[])[];
  }[];
}

test("words and grams are those of models/tokenizer.py, which the table was trained with", () => {
  const twin = JSON.parse(
    readFileSync(new URL("../../../models/tokenizer-cases.json", import.meta.url), "utf8"),
  ) as Twin; // written by tokenizer.py
  for (const { text, words: expected, grams: buckets } of twin.cases) {
    const found = words(text, new Set(twin.known));
    expect(found, text).toEqual(expected);
    expect(
      found.slice(0, 3).map((word) => grams(word, 24_000)),
      text,
    ).toEqual(buckets);
  }
});
