import { afterEach, describe, expect, it } from "vitest";
import { failure } from "../../../test/support/fake-embeddings-vendor.ts";
import { createSts, type StsOptions } from "../../../test/support/vendors/aws-sts.ts";
import {
  auth,
  aws,
  type CreateOptions,
  keys,
  region,
  titan,
  useBedrock,
} from "../../../test/support/vendors/bedrock-case.ts";
import { startVendorServer } from "../../../test/support/vendors/server.ts";

const vendor = useBedrock();
const { signal } = new AbortController();
const roleArn = "arn:aws:iam::123456789012:role/gateway";
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function startSts(options: Partial<StsOptions> = {}) {
  const sts = createSts({
    region,
    keys: [keys],
    roleArns: [roleArn],
    now: () => vendor.state.now(),
    ...options,
  });
  const server = await startVendorServer(sts.handle);
  ends.push(() => server.close());
  const role = {
    ...aws,
    aws_assume_role_arn: roleArn,
    aws_role_session_name: "sluice",
    aws_sts_endpoint_url: server.url,
  };
  return { sts, options: { bedrock: role } };
}

describe("who bedrock says it is", () => {
  const schemeOf = async (more: CreateOptions) => {
    await vendor.create(titan, more).embed(["a"], signal);
    return vendor.server.requests.at(-1)?.headers["authorization"]?.split(" ")[0];
  };
  const header = { header_name: "Authorization", header_value: "Bearer right-api-key" };
  const apiKey = { AWS_BEARER_TOKEN_BEDROCK: "right-api-key" };

  it("is proven by keys of the environment", async () => {
    vendor.state.known = [{ ...keys, accessKeyId: "ASIARIGHT", sessionToken: "token" }];
    const env = {
      AWS_ACCESS_KEY_ID: "ASIARIGHT",
      AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
      AWS_SESSION_TOKEN: "token",
      AWS_REGION: region,
    };
    expect(await schemeOf({ auth: {}, env, options: { bedrock: undefined } })).toBe("AWS4-HMAC-SHA256");
  });

  it("is proven by a Bedrock API key in the config, and needs no region then", async () => {
    expect(await schemeOf({ auth: header, options: { bedrock: undefined } })).toBe("Bearer");
  });

  it("is proven by a Bedrock API key of the environment, but not past an access key of the config", async () => {
    expect(await schemeOf({ auth: {}, env: apiKey })).toBe("Bearer");
    expect(await schemeOf({ env: apiKey })).toBe("AWS4-HMAC-SHA256");
  });

  it("is one of both: an API key or access keys", () => {
    expect(() => vendor.create(titan, { auth: { ...auth, ...header } })).toThrow("exclude each other");
  });

  it("is refused with a wrong API key, which is not shown", async () => {
    const wrong = { ...header, header_value: "Bearer wrong-api-key" };
    const error = await failure(vendor.create(titan, { auth: wrong }).embed(["a"], signal));
    expect(error.message).toContain("answered 403: AccessDeniedException: Authentication failed");
    expect(error.message).not.toContain("wrong-api-key");
  });

  it("covers another header of the config", async () => {
    await schemeOf({ auth: { ...auth, header_name: "X-Team", header_value: "search" } });
    expect(vendor.server.requests[0]?.headers).toMatchObject({
      "x-team": "search",
      authorization: expect.stringContaining(";x-team"),
    });
  });

  it("is a role's, whose credentials are renewed when the service calls them expired", async () => {
    let now = Date.parse("2026-11-22T10:00:00Z");
    vendor.state.now = () => now;
    const { sts, options } = await startSts();
    const embedder = vendor.create(titan, { options });
    vendor.state.known = sts.issued;
    await embedder.embed(["a"], signal);
    now += 60_000;
    vendor.state.known = sts.issued.map((issued) => ({ ...issued, expiresAtMs: now }));
    const errors = await Promise.all(["a", "b"].map((text) => failure(embedder.embed([text], signal))));
    for (const error of errors) {
      expect(error.message).toContain(
        "403: ExpiredTokenException: The security token included in the request is expired",
      );
      expect(error.isRetryable).toBe(true);
    }
    vendor.state.known = sts.issued;
    await embedder.embed(["a"], signal);
    expect(sts.issued).toHaveLength(2);
  });

  it("is told in STS' own words when the role is not its to assume", async () => {
    const { options } = await startSts({ roleArns: [] });
    const error = await failure(vendor.create(titan, { options }).embed(["a"], signal));
    expect(error).toMatchObject({ kind: "vendor", isRetryable: false });
    expect(error.message).toContain(
      `did not assume ${roleArn}: AccessDenied: User: arn:aws:iam::123456789012:user/gateway`,
    );
    expect(vendor.server.requests).toEqual([]);
  });

  it("takes no longer than its caller waits", async () => {
    const server = await startVendorServer(() => new Promise(() => undefined));
    ends.push(() => server.close());
    const { options } = await startSts();
    const hanging = { bedrock: { ...options.bedrock, aws_sts_endpoint_url: server.url } };
    const leaving = new AbortController();
    const arrived = server.arrived();
    const lost = failure(vendor.create(titan, { options: hanging }).embed(["a"], leaving.signal));
    await arrived;
    leaving.abort();
    expect(await lost).toMatchObject({ kind: "aborted" });
  });
});
