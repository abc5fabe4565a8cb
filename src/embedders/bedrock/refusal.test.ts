import { describe, expect, it } from "vitest";
import { failure } from "../../../test/support/fake-embeddings-vendor.ts";
import { type CreateOptions, titan, useBedrock } from "../../../test/support/vendors/bedrock-case.ts";
import { refuse } from "../../../test/support/vendors/bedrock-embeddings.ts";
import type { VendorReply } from "../../../test/support/vendors/server.ts";

const vendor = useBedrock();
const { signal } = new AbortController();

function refusedWith(reply: VendorReply, more: CreateOptions = {}) {
  vendor.server.misbehave({ kind: "reply", ...reply });
  return failure(vendor.create(titan, more).embed(["a"], signal));
}

describe("a refusal of bedrock", () => {
  it("is shown with its type, without the address that stands behind it", async () => {
    const error = await refusedWith(refuse(400, "ValidationException", "The model identifier is invalid."));
    expect(error.message).toBe(
      `bedrock/${titan} at 127.0.0.1:${vendor.server.port} answered 400: ValidationException: The model identifier is invalid.`,
    );
  });

  it("is worth another try when it is throttled or not ready, and not when the model failed on this text", async () => {
    for (const [status, type, isRetryable] of [
      [429, "ThrottlingException", true],
      [400, "ThrottlingException", true],
      [429, "ModelNotReadyException", true],
      [503, "ServiceUnavailableException", true],
      [500, "InternalServerException", true],
      [408, "ModelTimeoutException", true],
      [424, "ModelErrorException", false],
      [400, "ServiceQuotaExceededException", false],
      [404, "ResourceNotFoundException", false],
      [403, "AccessDeniedException", false],
    ] as const) {
      const error = await refusedWith(refuse(status, type, "m"));
      expect(error, type).toMatchObject({ kind: "vendor", status, isRetryable });
    }
  });

  it("is final for access keys that have expired, as there are no others", async () => {
    const error = await refusedWith(refuse(403, "ExpiredTokenException", "m"));
    expect(error).toMatchObject({ isRetryable: false });
  });

  it("is read where a proxy or an older service writes it otherwise", async () => {
    const capital = { status: 403, body: { Message: "User: x is not authorized" } };
    expect((await refusedWith(capital)).message).toContain("403: User: x is not authorized");
    const typed = {
      status: 403,
      body: { __type: "com.amazon.coral.service#AccessDeniedException", message: "no" },
    };
    expect((await refusedWith(typed)).message).toContain("403: AccessDeniedException: no");
    const bare = { status: 503, body: "busy", headers: { "x-amzn-errortype": "SlowDown" } };
    expect((await refusedWith(bare)).message).toContain("503: SlowDown");
  });

  it("does not show what was signed, though the vendor repeats it", async () => {
    const env = {
      AWS_ACCESS_KEY_ID: "ASIARIGHT",
      AWS_SECRET_ACCESS_KEY: "a-secret-key",
      AWS_SESSION_TOKEN: "IQoJ/token+==",
    };
    const message = "should have been 'POST x-amz-security-token:IQoJ/token+== ASIARIGHT a-secret-key'";
    const error = await refusedWith(refuse(403, "InvalidSignatureException", message), { auth: {}, env });
    expect(error.message).toContain("'POST x-amz-security-token:[redacted] [redacted] [redacted]'");
  });
});
