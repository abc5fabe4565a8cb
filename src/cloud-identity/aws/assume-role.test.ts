import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Keys } from "../../../test/support/vendors/aws-signature.ts";
import { createSts, type Sts } from "../../../test/support/vendors/aws-sts.ts";
import { startVendorServer, type VendorServer } from "../../../test/support/vendors/server.ts";
import { createHttpCaller } from "../../http/http-caller.ts";
import { awsSigner } from "../aws.ts";
import { IdentityError } from "../token-source.ts";

const roleArn = "arn:aws:iam::123456789012:role/gateway";
const own: Keys = { accessKeyId: "AKIAOWN", secretAccessKey: "own-secret-own-secret" };
const lapsed: Keys = {
  accessKeyId: "ASIALAPSED",
  secretAccessKey: "lapsed-secret",
  sessionToken: "lapsed-token",
  expiresAtMs: 1,
};
const start = Date.parse("2026-11-22T10:00:00Z");
const { signal } = new AbortController();
const request = { method: "POST", url: "https://x.test/a", headers: {}, body: "b" };

const caller = createHttpCaller();
let server: VendorServer;
let sts: Sts;
let now = start;

beforeAll(async () => {
  server = await startVendorServer((sent) => sts.handle(sent));
});
afterEach(() => server.reset());
afterAll(async () => {
  await server.close();
  await caller.close();
});

function createSigner(
  options: Partial<Parameters<typeof awsSigner>[0]> = {},
  env: Readonly<Record<string, string>> = {},
) {
  now = start;
  sts = createSts({ region: "eu-west-1", keys: [own, lapsed], roleArns: [roleArn], now: () => now });
  return awsSigner(
    {
      service: "bedrock",
      region: "eu-west-1",
      accessKeyId: own.accessKeyId,
      secretAccessKey: own.secretAccessKey,
      assumeRoleArn: roleArn,
      roleSessionName: "sluice@test",
      stsEndpointUrl: server.url,
      ...options,
    },
    { call: caller.call, wallClock: () => now, env },
  );
}

type Signer = ReturnType<typeof awsSigner>;
const tokenOf = async (signer: Signer) => (await signer.sign(request, signal))["x-amz-security-token"];
const failureOf = async (signer: Signer) => {
  const error: unknown = await signer.sign(request, signal).catch((thrown: unknown) => thrown);
  if (!(error instanceof IdentityError)) throw new Error("an IdentityError was expected", { cause: error });
  return error;
};

describe("an assumed role", () => {
  it("signs with the role's credentials, got once for all who ask", async () => {
    const signer = createSigner();
    const tokens = await Promise.all([tokenOf(signer), tokenOf(signer), tokenOf(signer)]);
    expect(sts.issued).toMatchObject([{ roleArn, sessionName: "sluice@test" }]);
    expect(new Set(tokens)).toEqual(new Set([sts.issued[0]?.sessionToken]));
    expect(server.requests).toHaveLength(1);
  });

  it("is assumed again before its credentials expire", async () => {
    const signer = createSigner();
    const first = await tokenOf(signer);
    now += 56 * 60_000;
    const renewed = server.arrived();
    expect(await tokenOf(signer)).toBe(first);
    await renewed;
    now += 4 * 60_000;
    expect(await tokenOf(signer)).toBe(sts.issued[1]?.sessionToken);
    expect(sts.issued).toHaveLength(2);
  });

  it("is assumed again when a service calls its credentials expired", async () => {
    const signer = createSigner();
    await tokenOf(signer);
    now += 60_000;
    expect(signer.renew()).toBe(true);
    expect(await tokenOf(signer)).toBe(sts.issued[1]?.sessionToken);
  });

  it("that may not be assumed is named, with STS' own words and what to look at", async () => {
    const error = await failureOf(createSigner({ assumeRoleArn: "arn:aws:iam::123456789012:role/other" }));
    expect(error.message).toBe(
      `AWS STS at 127.0.0.1:${server.port} did not assume arn:aws:iam::123456789012:role/other: AccessDenied: ` +
        "User: arn:aws:iam::123456789012:user/gateway is not authorized to perform: sts:AssumeRole on resource: " +
        "arn:aws:iam::123456789012:role/other (the role's trust policy and the caller's own policy must allow sts:AssumeRole)",
    );
    expect(error.isRetryable).toBe(false);
  });

  it.each([
    [
      "an unknown key",
      { accessKeyId: "AKIAOTHER" },
      "InvalidClientTokenId: The security token included in the request is invalid. (check the access key)",
    ],
    [
      "a wrong secret",
      { secretAccessKey: "wrong-secret" },
      "SignatureDoesNotMatch: The request signature we calculated does not match",
    ],
    [
      "a session name STS does not take",
      { roleSessionName: "no spaces" },
      "ValidationError: 1 validation error detected: Value at 'roleSessionName'",
    ],
    [
      "a region that is not the endpoint's",
      { region: "us-east-2" },
      "SignatureDoesNotMatch: Credential should be scoped to a valid region, not 'us-east-2'.",
    ],
  ])("is refused for %s without showing keys", async (_case, options, words) => {
    const error = await failureOf(createSigner(options));
    expect(error.message).toContain(words);
    expect(error.message).not.toMatch(/AKIA|secret-own|wrong-secret/);
    expect(error.isRetryable).toBe(false);
  });

  it("is refused for keys of the environment that have run out, without showing their token", async () => {
    const env = {
      AWS_ACCESS_KEY_ID: "ASIALAPSED",
      AWS_SECRET_ACCESS_KEY: "lapsed-secret",
      AWS_SESSION_TOKEN: "lapsed-token",
    };
    const error = await failureOf(createSigner({ accessKeyId: undefined, secretAccessKey: undefined }, env));
    expect(error.message).toContain("ExpiredToken: The security token included in the request is expired");
    expect(error.message).not.toContain("lapsed-token");
  });

  it("is worth another try when STS is throttling, broken or gone", async () => {
    const signer = createSigner();
    const xml = (code: string) =>
      `<ErrorResponse><Error><Code>${code}</Code><Message>m</Message></Error></ErrorResponse>`;
    for (const [status, body] of [
      [400, xml("Throttling")],
      [429, ""],
      [500, xml("InternalFailure")],
      [503, "<html>busy</html>"],
    ] as const) {
      server.misbehave({ kind: "reply", status, body });
      expect(await failureOf(signer), String(status)).toMatchObject({ isRetryable: true });
    }
    server.misbehave({ kind: "slam" });
    const gone = await failureOf(signer);
    expect(gone.message).toContain(`could not be asked to assume ${roleArn}: the connection failed`);
    expect(gone.isRetryable).toBe(true);
    server.misbehave(undefined);
    expect(await tokenOf(signer)).toBe(sts.issued[0]?.sessionToken);
  });

  it("takes no answer for credentials that is none, and repeats no part of it", async () => {
    const signer = createSigner();
    const whole =
      "<AccessKeyId>k</AccessKeyId><SecretAccessKey>HUSH</SecretAccessKey><SessionToken>t</SessionToken>";
    for (const body of ["", "{}", "<html>sign in</html>", whole, `${whole}<Expiration>soon</Expiration>`]) {
      server.misbehave({ kind: "reply", status: 200, body });
      const error = await failureOf(signer);
      expect(error.message).toContain(
        "answered 200, but without credentials; is aws_sts_endpoint_url right?",
      );
      expect(error.message).not.toContain("HUSH");
    }
  });

  it("shows no key that STS repeats, and reads its entities", async () => {
    const signer = createSigner();
    const canonical = `The Canonical String should have been &apos;POST&#10;${own.secretAccessKey} &amp;lt; ${own.accessKeyId}&#x27;`;
    server.misbehave({
      kind: "reply",
      status: 403,
      body: `<Error><Code>X</Code><Message>${canonical}</Message></Error>`,
    });
    expect((await failureOf(signer)).message).toContain(
      "X: The Canonical String should have been 'POST [redacted] &lt; [redacted]'",
    );
  });
});

describe("the endpoint of STS", () => {
  async function asked(
    options: Partial<Parameters<typeof awsSigner>[0]>,
  ): Promise<[string, string | undefined]> {
    let seen: [string, string | undefined] = ["", undefined];
    const signer = awsSigner(
      {
        service: "s",
        accessKeyId: "a",
        secretAccessKey: "s",
        assumeRoleArn: roleArn,
        roleSessionName: "n",
        ...options,
      },
      {
        call: async ({ headers, url }) => {
          seen = [url, /Credential=a\/\d+\/([^/]+)\/sts\//.exec(headers["authorization"] ?? "")?.[1]];
          return { status: 503, headers: {}, body: "" };
        },
        wallClock: () => start,
        env: {},
      },
    );
    await signer.sign(request, signal).catch(() => undefined);
    return seen;
  }

  it("is the region's own", async () => {
    expect(await asked({ region: "eu-west-1" })).toEqual([
      "https://sts.eu-west-1.amazonaws.com/",
      "eu-west-1",
    ]);
    expect(await asked({ region: "cn-north-1" })).toEqual([
      "https://sts.cn-north-1.amazonaws.com.cn/",
      "cn-north-1",
    ]);
  });

  it("gets signatures for its own region, whichever the other service is in", async () => {
    for (const [stsEndpointUrl, region] of [
      ["https://sts.amazonaws.com/", "us-east-1"],
      ["https://sts.us-west-2.amazonaws.com/", "us-west-2"],
      ["https://sts-fips.us-east-2.amazonaws.com/", "us-east-2"],
      ["https://vpce-0a1b-c2.sts.ap-south-1.vpce.amazonaws.com/", "ap-south-1"],
      ["https://sts.internal.example/", "eu-west-1"],
    ] as const) {
      expect(await asked({ region: "eu-west-1", stsEndpointUrl })).toEqual([stsEndpointUrl, region]);
    }
  });
});
