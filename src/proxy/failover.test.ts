import { describe, expect, it } from "vitest";
import { type FailureKind, UpstreamError } from "../http/upstream-error.ts";
import { type FailoverCriterion, failoverRules } from "./failover.ts";
import { upstreamClientError } from "./failure.ts";

const kinds: readonly FailureKind[] = ["error", "timeout", "invalid_header"];
const statuses = [403, 404, 429, 500, 502, 503, 504];
const criteria: readonly FailoverCriterion[] = [
  ...kinds,
  ...statuses.map((status) => `http_${status}` as FailoverCriterion),
];

const failed = (kind: FailureKind, sent: boolean) => new UpstreamError(kind, sent, new Error("x"));

describe("failoverRules, for a POST", () => {
  const cases = criteria.flatMap((listed) =>
    [false, true].flatMap((resend) =>
      kinds.flatMap((kind) => [false, true].map((sent) => ({ listed, resend, kind, sent }))),
    ),
  );

  it.each(cases)(
    "after $kind (sent: $sent) with $listed listed (non_idempotent: $resend)",
    ({ listed, resend, kind, sent }) => {
      const rules = failoverRules(resend ? [listed, "non_idempotent"] : [listed]);
      expect(rules.afterError(failed(kind, sent))).toBe(listed === kind && (resend || !sent));
    },
  );

  it.each(criteria.flatMap((listed) => [false, true].map((resend) => ({ listed, resend }))))(
    "after a status with $listed listed (non_idempotent: $resend): only that one, and only where a POST may be sent again",
    ({ listed, resend }) => {
      const rules = failoverRules(resend ? [listed, "non_idempotent"] : [listed]);
      for (const status of [...statuses, 400, 401, 408, 409, 422, 501, 529, 302, 200]) {
        expect(rules.afterStatus(status)).toBe(resend && listed === `http_${status}`);
      }
    },
  );

  it("repeats nothing where nothing is listed", () => {
    const rules = failoverRules(["non_idempotent"]);
    for (const kind of kinds) expect(rules.afterError(failed(kind, false))).toBe(false);
    for (const status of statuses) expect(rules.afterStatus(status)).toBe(false);
  });
});

describe("upstreamClientError", () => {
  const cause = (code: string) => Object.assign(new Error(`${code} of secret.internal`), { code });

  it("answers as nginx does, and keeps the cause out of the message", () => {
    const error = (kind: FailureKind, code = "ECONNREFUSED") =>
      upstreamClientError(new UpstreamError(kind, false, cause(code)));
    expect(error("error")).toMatchObject({
      status: 502,
      message: "An invalid response was received from the upstream server",
    });
    expect(error("invalid_header", "HPE_INVALID")).toMatchObject({
      status: 502,
      code: "upstream_unreachable",
    });
    expect(error("timeout")).toMatchObject({ status: 504, message: "The upstream server is timing out" });
    expect(error("error", "ENOTFOUND")).toMatchObject({ status: 503, message: "name resolution failed" });
    expect(error("error", "EAI_AGAIN")).toMatchObject({ status: 503 });
    expect(error("error").message).not.toContain("secret");
    expect(error("error").cause).toBeInstanceOf(UpstreamError);
  });
});
