import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findByServerName } from "./server-name.ts";

const keptBy = (...names: string[]) => new Map(names.map((name) => [name, name]));

describe("findByServerName", () => {
  it.each([
    ["a.example.com", ["*", "a.example.*", "*.example.com", "a.example.com"], "a.example.com"],
    ["A.Example.COM", ["a.example.com"], "a.example.com"],
    ["a.example.com", ["*", "a.example.*", "*.example.com"], "*.example.com"],
    ["a.example.com", ["*", "a.example.*"], "a.example.*"],
    ["a.example.com", ["*"], "*"],
    ["a.example.com", ["b.example.com", "example.com", "*.com", "a.*"], undefined],
    ["x.a.example.com", ["*.example.com"], undefined],
    ["example.com", ["*.example.com"], undefined],
    ["example.com", ["*.com", "example.*"], "*.com"],
    ["localhost", ["*.localhost", "localhost.*"], undefined],
    ["localhost", ["*"], "*"],
    ["", ["*"], "*"],
    ["", ["a.example"], undefined],
    [".", ["*."], "*."],
  ])("for %j among %j is %j", (name, kept, found) => {
    expect(findByServerName(keptBy(...kept), name)).toBe(found);
  });

  it("finds what a search through all patterns finds", () => {
    const label = fc.constantFrom("a", "b", "c");
    const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join("."));
    const pattern = fc.oneof(
      name,
      name.map((each) => `*.${each}`),
      name.map((each) => `${each}.*`),
      fc.constant("*"),
    );
    /** A pattern as an expression; the kinds of patterns in their order. */
    const fits = (each: string, asked: string) =>
      each === "*" || new RegExp(`^${each.replaceAll(".", "\\.").replace("*", "[^.]+")}$`).test(asked);
    const rank = (each: string) => (each === "*" ? 3 : each.startsWith("*") ? 1 : each.endsWith("*") ? 2 : 0);
    fc.assert(
      fc.property(fc.uniqueArray(pattern, { maxLength: 12 }), name, (patterns, asked) => {
        const [best] = patterns.filter((each) => fits(each, asked)).toSorted((a, b) => rank(a) - rank(b));
        expect(findByServerName(keptBy(...patterns), asked)).toBe(best);
      }),
      { numRuns: 1_000 },
    );
  });
});
