import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isSecretName, redacted, redactHeaders, redactQuery } from "./redact.ts";

const secretNames = [
  "authorization",
  "proxy-authorization",
  "cookie",
  "set-cookie",
  "x-api-key",
  "api-key",
  "apikey",
  "api_key",
  "key",
  "X-Goog-Api-Key",
  "x-amz-security-token",
  "X-Amz-Signature",
  "X-Amz-Credential",
  "x-auth-token",
  "x-csrf-token",
  "client_secret",
  "password",
  "x-session-id",
  "subscription-key",
  "x-functions-key",
  "Ocp-Apim-Subscription-Key",
  "token",
];

const plainNames = [
  "content-type",
  "accept",
  "user-agent",
  "x-request-id",
  "host",
  "content-length",
  "accept-encoding",
  "x-forwarded-for",
  "keep-alive",
  "traceparent",
  "openai-beta",
  "anthropic-version",
  "x-stainless-lang",
  "monkey-business",
];

describe("isSecretName", () => {
  it.each(secretNames)("takes %s for a credential, in any case", (name) => {
    expect([isSecretName(name), isSecretName(name.toUpperCase())]).toEqual([true, true]);
  });

  it.each(plainNames)("takes %s for none", (name) => {
    expect(isSecretName(name)).toBe(false);
  });
});

describe("redactHeaders", () => {
  it("hides the values of credentials and keeps the others, lists joined", () => {
    expect(
      redactHeaders({
        authorization: "Bearer s",
        "set-cookie": ["a=1", "b=2"],
        accept: "x",
        via: ["a", "b"],
        gone: undefined,
      }),
    ).toEqual({ authorization: redacted, "set-cookie": redacted, accept: "x", via: "a, b" });
  });

  it("lets no value of a credential through, however it is named and however many names came before", () => {
    const name = fc.tuple(
      fc.string({ unit: fc.constantFrom(..."abcxyz-_0") }),
      fc.constantFrom(...secretNames),
      fc.boolean(),
    );
    const secret = fc.uuid();
    fc.assert(
      fc.property(
        fc.array(fc.tuple(name, secret)),
        fc.dictionary(fc.string(), fc.constant("plain")),
        (pairs, others) => {
          const headers = Object.fromEntries(
            pairs.map(([[prefix, word, isUpper], value]) => [
              `${prefix}-${isUpper ? word.toUpperCase() : word}`,
              value,
            ]),
          );
          const text = JSON.stringify(redactHeaders({ ...others, ...headers }));
          for (const value of Object.values(headers)) expect(text).not.toContain(value);
        },
      ),
    );
    // The memory for names is bounded; what no longer fits is judged all the same.
    for (let index = 0; index < 3000; index++) redactHeaders({ [`x-${index}`]: "v" });
    expect(redactHeaders({ "late-api-key": "s", "late-name": "v" })).toEqual({
      "late-api-key": redacted,
      "late-name": "v",
    });
  });
});

describe("redactQuery", () => {
  it("hides credentials and decodes the rest, the last of repeated ones", () => {
    expect(redactQuery("api_key=s%20s&q=a%20b&q=c+d&empty=&flag&KEY=s")).toEqual({
      api_key: redacted,
      q: "c d",
      empty: "",
      flag: "",
      KEY: redacted,
    });
    expect(redactQuery("")).toEqual({});
  });

  it("hides what it is told to beside what it knows, as headers do", () => {
    const more = new Set(["x-team"]);
    expect(redactQuery("X-Team=s&x-teams=b", more)).toEqual({ "X-Team": redacted, "x-teams": "b" });
    expect(redactHeaders({ "x-team": "s", "x-teams": "b" }, more)).toEqual({
      "x-team": redacted,
      "x-teams": "b",
    });
    expect(redactHeaders({ "x-team": "s" })).toEqual({ "x-team": "s" });
  });

  it("takes what is badly encoded", () => {
    expect(redactQuery("a=%E0%A4%A&=x&&__proto__=y")).toMatchObject({ "": "x" });
  });
});
