import { describe, expect, it } from "vitest";
import { checkSignature, type Keys, type SignedRequest } from "./aws-signature.ts";

/** `get-vanilla` of AWS' published test suite for signature version 4. */
const keys: Keys = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};
const signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
const authorization = (
  credential = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request",
  names = "host;x-amz-date",
) => `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names}, Signature=${signature}`;
const request: SignedRequest = {
  method: "GET",
  target: "/",
  headers: {
    host: "example.amazonaws.com",
    "x-amz-date": "20150830T123600Z",
    authorization: authorization(),
  },
  body: "",
};
const nowMs = Date.parse("2015-08-30T12:36:00Z");
const scope = { region: "us-east-1", service: "service", nowMs, toleranceMs: 300_000 };
const withHeaders = (headers: SignedRequest["headers"]) => ({
  ...request,
  headers: { ...request.headers, ...headers },
});
const faultOf = (sent: SignedRequest, more: Partial<typeof scope> = {}, known: readonly Keys[] = [keys]) =>
  checkSignature(sent, known, { ...scope, ...more })?.fault;

describe("the check of a signature", () => {
  it("accepts the vendor's example", () => {
    expect(checkSignature(request, [keys], scope)).toBeUndefined();
  });

  it("refuses anything else than what was signed", () => {
    for (const other of [
      { ...request, method: "POST" },
      { ...request, target: "/a" },
      { ...request, target: "/?a=b" },
      { ...request, body: "x" },
      withHeaders({ host: "other.amazonaws.com" }),
      withHeaders({ "x-amz-date": "20150830T123601Z" }),
      withHeaders({ authorization: authorization("AKIDEXAMPLE/20150830/us-west-1/service/aws4_request") }),
      withHeaders({ authorization: authorization(undefined, "x-amz-date") }),
      withHeaders({ "x-amz-meta": "not signed" }),
    ]) {
      expect(faultOf(other), JSON.stringify(other)).toBe("mismatch");
    }
    expect(faultOf(request, {}, [{ ...keys, secretAccessKey: "other" }])).toBe("mismatch");
  });

  it("refuses what is old, new, unknown, unsigned, or signed with keys that have run out", () => {
    const minute = 60_000;
    expect(faultOf(request, { nowMs: nowMs + 5 * minute })).toBeUndefined();
    expect(checkSignature(request, [keys], { ...scope, nowMs: nowMs + 6 * minute })?.message).toBe(
      "Signature expired: 20150830T123600Z is now earlier than 20150830T123700Z (20150830T124200Z - 5 min.)",
    );
    expect(faultOf(request, { nowMs: nowMs - 6 * minute })).toBe("stale");
    expect(faultOf(request, {}, [])).toBe("unknown-key");
    expect(faultOf(request, {}, [{ ...keys, sessionToken: "t" }])).toBe("bad-token");
    expect(faultOf(request, {}, [{ ...keys, expiresAtMs: nowMs }])).toBe("expired-token");
    expect(faultOf(withHeaders({ authorization: undefined }))).toBe("missing");
    expect(faultOf(withHeaders({ authorization: "AWS4-HMAC-SHA256 Credential=x" }))).toBe("incomplete");
  });
});
