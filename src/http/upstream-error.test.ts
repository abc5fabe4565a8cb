import { describe, expect, it } from "vitest";
import { toUpstreamError, UpstreamError, UpstreamTimeout } from "./upstream-error.ts";

const failed = (code: string, message = "x") => Object.assign(new Error(message), { code });
const parserError = Object.assign(new Error("bad"), {
  name: "HTTPParserError",
  code: "HPE_INVALID_CONSTANT",
});

describe("toUpstreamError", () => {
  it.each([
    ["ECONNREFUSED", "error", "refused"],
    ["ENOTFOUND", "error", "dns"],
    ["EAI_AGAIN", "error", "dns"],
    ["EHOSTUNREACH", "error", "unreachable"],
    ["ETIMEDOUT", "timeout", "connect_timeout"],
    ["CONNECT_TIMEOUT", "timeout", "connect_timeout"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "error", "tls"],
    ["CERT_HAS_EXPIRED", "error", "tls"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "error", "tls"],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "error", "tls"],
    ["EPROTO", "error", "tls"],
    ["ECONNRESET", "error", "reset_before_head"],
    ["UND_ERR_INVALID_ARG", "error", "not_sent"],
  ])("names %s before anything was sent", (code, kind, reason) => {
    expect(toUpstreamError(failed(code), false, false)).toMatchObject({ kind, reason, sent: false });
  });

  it("knows a handshake that the other side left", () => {
    const message = "Client network socket disconnected before secure TLS connection was established";
    expect(toUpstreamError(failed("ECONNRESET", message), false, false).reason).toBe("tls");
  });

  it.each([
    [failed("ECONNRESET"), "error", "reset_before_head", "reset_after_head"],
    [failed("EPIPE"), "error", "reset_before_head", "reset_after_head"],
    [failed("UND_ERR_SOCKET"), "error", "closed_before_head", "closed_after_head"],
    [new UpstreamTimeout("WRITE_TIMEOUT", 5), "timeout", "write_timeout", "write_timeout"],
    [new UpstreamTimeout("READ_TIMEOUT", 5), "timeout", "read_timeout", "read_timeout"],
    [parserError, "invalid_header", "invalid_header", "invalid_body"],
    [failed("UND_ERR_HEADERS_OVERFLOW"), "invalid_header", "invalid_header", "invalid_body"],
  ])("names %s before and after the head", (cause, kind, before, after) => {
    expect(toUpstreamError(cause, true, false)).toMatchObject({ kind, reason: before, sent: true });
    expect(toUpstreamError(cause, true, true)).toMatchObject({ kind, reason: after });
  });

  it("looks into what Node wraps for a host of several addresses", () => {
    const cause = new AggregateError([failed("ECONNREFUSED"), failed("ECONNREFUSED")]);
    expect(toUpstreamError(cause, false, false).reason).toBe("refused");
  });

  it("takes any thing that can be thrown", () => {
    for (const cause of [undefined, null, 1, "text", {}, { code: 7 }])
      expect(toUpstreamError(cause, true, false)).toMatchObject({
        kind: "error",
        reason: "closed_before_head",
      });
    expect(new UpstreamError("timeout", false, undefined).reason).toBe("connect_timeout");
  });
});
