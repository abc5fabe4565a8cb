import { describe, expect, it } from "vitest";
import { formatAddress, parseAddress, withPort } from "./address.ts";

describe("a target's address", () => {
  it.each([
    ["10.0.0.1:8080", "10.0.0.1", 8080],
    ["api.internal", "api.internal", 8000],
    ["API.internal:1", "api.internal", 1],
    ["[::1]:443", "::1", 443],
    ["[2001:db8::1]", "2001:db8::1", 8000],
    ["my_service:65535", "my_service", 65535],
  ])("%s is read", (text, host, port) => {
    expect(parseAddress(text)).toEqual({ host, port });
  });

  it.each(["", ":80", "a:0", "a:65536", "a:b", "::1", "http://a", "a/b", "a b", "a@b", "[x]:1", "999.1.1.1"])(
    "%j is none",
    (text) => {
      expect(parseAddress(text)).toBeUndefined();
    },
  );

  it("is written so that it can be read again", () => {
    expect(formatAddress({ host: "::1", port: 80 })).toBe("[::1]:80");
    expect(parseAddress(formatAddress({ host: "a", port: 8000 }))).toEqual({ host: "a", port: 8000 });
  });

  it.each([
    ["API.internal", "API.internal:8000"],
    ["[::1]", "[::1]:8000"],
    ["a:80", "a:80"],
    ["[::1]:80", "[::1]:80"],
    ["a b", "a b"],
    ["{vault://env/host}", "{vault://env/host}"],
  ])("%s with its port is %s", (text, full) => {
    expect(withPort(text)).toBe(full);
  });
});
