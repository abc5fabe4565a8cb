import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { normalizePath } from "./path.ts";

/** Paths made of what normalisation looks at. */
const trickyPath = fc
  .array(
    fc.constantFrom(
      "/",
      "/",
      ".",
      "..",
      "a",
      "B",
      "%",
      "%2e",
      "%2E",
      "%2f",
      "%2F",
      "%41",
      "%34",
      "%7e",
      "%25",
      "%zz",
      "4",
      "é",
    ),
    { maxLength: 14 },
  )
  .map((parts) => parts.join(""));

describe("normalizePath", () => {
  it.each([
    ["/", "/"],
    ["", "/"],
    ["*", "/*"],
    ["/foo%3a", "/foo%3A"],
    ["/fo%6F", "/foo"],
    ["/foo/./bar/../baz", "/foo/baz"],
    ["/foo//bar", "/foo/bar"],
    ["/a//../b", "/b"],
    ["/a/%2e%2E/b", "/b"],
    ["/../../etc/passwd", "/etc/passwd"],
    ["/a/..", "/"],
    ["/a/b/..", "/a/"],
    ["/a/.", "/a/"],
    ["/a/...", "/a/..."],
    ["/.well-known/x", "/.well-known/x"],
    ["/a/..b/c", "/a/..b/c"],
    ["/a%2Fb", "/a%2Fb"],
    ["/a%2f..%2fb", "/a%2F..%2Fb"],
    ["/100%", "/100%25"],
    ["/%zz", "/%25zz"],
    ["/%%34%31", "/%2541"],
    ["/%00", "/%00"],
    ["//evil.example/x", "/evil.example/x"],
  ])("turns %j into %j", (path, normal) => {
    expect(normalizePath(path)).toBe(normal);
  });

  it("is its own normal form", () => {
    fc.assert(fc.property(trickyPath, (path) => normalizePath(normalizePath(path)) === normalizePath(path)));
  });

  it("leaves no dot segment, no doubled slash and no escape of an unreserved character", () => {
    fc.assert(
      fc.property(fc.oneof(trickyPath, fc.string()), (path) => {
        const normal = normalizePath(path);
        expect(normal).toMatch(/^\//);
        expect(normal).not.toMatch(/\/\//);
        expect(normal.split("/")).not.toContain(".");
        expect(normal.split("/")).not.toContain("..");
        for (const [triplet, hex] of normal.matchAll(/%(..)/g)) {
          expect(triplet).toMatch(/^%[0-9A-F]{2}$/);
          expect(String.fromCharCode(Number.parseInt(hex ?? "", 16))).not.toMatch(/[A-Za-z0-9\-._~]/);
        }
      }),
    );
  });

  it("agrees with the URL parser about segments that have no escapes and no doubled slashes", () => {
    const segment = fc.constantFrom("a", "b", ".", "..", "c.d", "...", "~x");
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 8 }), (segments) => {
        const path = `/${segments.join("/")}`;
        expect(normalizePath(path)).toBe(new URL(`http://host${path}`).pathname);
      }),
    );
  });
});
