import { describe, expect, it } from "vitest";
import { compilePcre } from "./pcre.ts";

const matches = (source: string, path: string) => {
  const regex = compilePcre(source, { for: "path" });
  regex.lastIndex = 0;
  return regex.exec(path);
};

describe("compilePcre", () => {
  it.each([
    ["/v1/(?<model>[^#?/]+)/chat", "/v1/gpt-4o/chat", { model: "gpt-4o" }],
    ["/(?P<a>\\w+)/(?P=a)", "/x/x", { a: "x" }],
    ["/(?'a'\\d+)", "/12", { a: "12" }],
    ["/(?<azure_instance>[^/]+)/(?<d>[^/]+)$", "/i/d", { azure_instance: "i", d: "d" }],
  ])("reads the named groups of %s", (source, path, groups) => {
    expect({ ...matches(source, path)?.groups }).toEqual(groups);
  });

  it.each([
    ["/a\\-b\\_c\\:d", "/a-b_c:d"],
    ["/a/\\d+\\z", "/a/1"],
    ["\\A/a", "/a"],
    ["/[[:digit:][:alpha:]-]+$", "/a-1"],
    ["/[]a]+$", "/]a"],
    ["/[^]a]+$", "/bc"],
    ["/[[a]+$", "/[a"],
    ["/[a\\-z]+$", "/a-z"],
    ["/a{b}", "/a{b}"],
    ["/a{2}$", "/aa"],
    ["/a]", "/a]"],
    ["/\\x{41}\\x42", "/AB"],
    ["(?i)/Chat", "/cHAT"],
    ["/%7Euser", "/~user"],
    ["/a%2eb$", "/a.b"],
    ["/a%2fb", "/a%2Fb"],
    ["/a|/b", "/b"],
  ])("reads %s as PCRE does, so that it matches %s", (source, path) => {
    expect(matches(source, path)?.[0]).toBe(path);
  });

  it.each([
    ["/[^]a]+$", "/]"],
    ["/a%2eb$", "/axb"],
    ["/[[:digit:]]+$", "/:"],
    ["/b", "/a/b"],
    ["/a|/b", "/c/b"],
    ["\\A/b", "A/b"],
    ["/chat", "/CHAT"],
  ])("does not let %s match %s", (source, path) => {
    expect(matches(source, path)).toBeNull();
  });

  it.each([
    ["/a++", /Nothing to repeat/],
    ["/(?>a)", /Invalid group/],
    ["/(?R)", /Invalid group/],
    ["/(?(1)a|b)", /Invalid group/],
    ["/(a", /Unterminated group/],
    ["/[a", /character class is not closed/],
    ["/[a\\]", /character class is not closed/],
    ["/a\\", /backslash at the end/],
    ["/\\Qa.b\\E", /Invalid escape/],
    ["/\\K", /Invalid escape/],
    ["/\\R", /Invalid escape/],
    ["/[[:print:]]", /\[:print:\] is not supported/],
    ["/(?<a>x)(?<a>y)", /Duplicate capture group name/],
    ["/a(?i)b", /Invalid group/],
    ["/[z-a]", /Range out of order/],
  ])("refuses %s, which JavaScript cannot express", (source, reason) => {
    expect(() => compilePcre(source, { for: "path" })).toThrow(reason);
  });

  it("matches a value anywhere and in any case, and keeps no state between tests", () => {
    const regex = compilePcre("gold|silver", { for: "value" });
    expect([regex.test("tier GOLD"), regex.test("tier GOLD"), regex.test("bronze")]).toEqual([
      true,
      true,
      false,
    ]);
  });
});
