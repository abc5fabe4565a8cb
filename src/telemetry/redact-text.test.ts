import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { redactText, shownSecrets } from "./redact-text.ts";

const pem = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA7y\nq0+/ab==\n-----END RSA PRIVATE KEY-----";
const token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

describe("a logged text", () => {
  it.each([
    ["a vendor's key", "sk-proj-abcDEF0123456789_-xyz", "[redacted]"],
    ["another vendor's key", "sk-ant-api03-abcdefghijklmnop", "[redacted]"],
    ["a cloud's API key", `AIza${"x".repeat(35)}`, "[redacted]"],
    ["a bearer token", "Authorization: Bearer abcdefghij0123456789", "Authorization: Bearer [redacted]"],
    ["basic credentials", "basic YWxhZGRpbjpvcGVuc2VzYW1l==", "basic [redacted]"],
    ["an access key", "AKIAIOSFODNN7EXAMPLE", "[redacted]"],
    [
      "a labelled secret key",
      "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
      "aws_secret_access_key = [redacted]",
    ],
    ["a token of a code host", `ghp_${"a1".repeat(18)}`, "[redacted]"],
    ["a token of a chat", "xoxb-123456789012-abcdef", "[redacted]"],
    ["a JSON web token", token, "[redacted]"],
    ["a private key", pem, "-----BEGIN RSA PRIVATE KEY-----[redacted]"],
    ["a private key in JSON", JSON.stringify(pem).slice(1, -1), "-----BEGIN RSA PRIVATE KEY-----[redacted]"],
  ])("loses %s", (_, secret, left) => {
    expect(redactText(`{"content":"before ${secret} after"}`)).toBe(`{"content":"before ${left} after"}`);
  });

  it("loses a private key of which only the beginning was copied, and the words after it", () => {
    expect(redactText(`{"content":"${pem.slice(0, 50)} and so on"}`)).toBe(
      '{"content":"-----BEGIN RSA PRIVATE KEY-----[redacted]"}',
    );
  });

  it.each([
    "The sky is blue; ask-me-anything-you-want-today.",
    "risk-assessment-of-the-whole-company",
    "a bearer of good news came today",
    "The basic understanding of it",
    "AKIA is a prefix, and so is eyJ.",
    "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
    "550e8400-e29b-41d4-a716-446655440000",
    "sk-short",
    "sk-learn-is-a-library-for-everybody",
    "basic internationalization and bearer responsibilities",
  ])("keeps %j", (text) => expect(redactText(text)).toBe(text));

  it("loses the values it is told of, with their scheme and without, as they are and as JSON has them", () => {
    const known = ["Bearer my-own-key-1", 'quo"ted-secret', "short"];
    expect(redactText('a my-own-key-1 b quo\\"ted-secret c quo"ted-secret short', known)).toBe(
      "a [redacted] b [redacted] c [redacted] short",
    );
  });

  it("shows no part of a known value, whatever stands around it", () => {
    const secret = fc.stringMatching(/^[a-z0-9]{8,20}$/);
    fc.assert(
      fc.property(fc.string(), secret, fc.string(), (before, value, after) => {
        expect(redactText(JSON.stringify(before + value + after), [value])).not.toContain(value);
      }),
    );
  });

  it("is cut where it is very long", () => {
    const text = redactText("x".repeat(1_000_010));
    expect(text.slice(1_000_000)).toBe("[cut: 10 more characters]");
  });

  it.each([
    "sk-",
    "sk-a",
    "eyJa.",
    "eyJ",
    "AKIA",
    "-----BEGIN PRIVATE KEY-----",
    "Bearer ",
    "bearer aaaaaaaaaaaaaaaaaaaa ",
    "aws_secret_access_key=",
    "a",
  ])("of %j over and over is read in little time", (piece) => {
    const text = piece.repeat(Math.floor(1_000_000 / piece.length));
    const before = performance.now();
    redactText(text);
    expect(performance.now() - before).toBeLessThan(3_000);
  });
});

describe("what a client shows to be let in", () => {
  it("is read from headers and parameters by their names", () => {
    const request = {
      headers: { authorization: "Bearer one", "x-team": "two", "set-cookie": ["three", "four"], accept: "x" },
      query: "apikey=five&team=six&a=b",
    };
    expect(shownSecrets(request, new Set(["x-team", "team"]))).toEqual([
      "Bearer one",
      "two",
      "three",
      "four",
      "five",
      "six",
    ]);
  });
});
