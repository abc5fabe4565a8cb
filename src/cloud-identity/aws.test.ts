import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkSignature } from "../../test/support/vendors/aws-signature.ts";
import { awsSigner } from "./aws.ts";
import type { IdentityServices } from "./token-source.ts";

const atMs = Date.parse("2026-11-22T10:00:00Z");
const { signal } = new AbortController();

/** Nothing here may reach for the network. */
const services = (env: IdentityServices["env"] = {}): IdentityServices => ({
  call: async () => {
    throw new Error("no call was expected");
  },
  wallClock: () => atMs,
  env,
});

const keys = { accessKeyId: "AKIAEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
const request = {
  method: "POST",
  url: "https://x.test/a",
  headers: { "content-type": "text/plain" },
  body: "b",
};

describe("a signature", () => {
  it("is right for any path, query, header and body, by a check that shares nothing with its maker", async () => {
    const word = fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 });
    const query = fc.array(fc.tuple(word, fc.string({ unit: "grapheme", maxLength: 8 })), { maxLength: 4 });
    const value = fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/);
    await fc.assert(
      fc.asyncProperty(
        fc.array(word, { maxLength: 4 }),
        query,
        value,
        fc.string({ unit: "grapheme" }),
        async (path, pairs, header, body) => {
          const search = pairs.map((pair) => pair.map(encodeURIComponent).join("=")).join("&");
          // Dots are steps in a path, and no name of a model is one.
          const segments = path.filter((segment) => !/^\.+$/.test(segment)).map(encodeURIComponent);
          const url = new URL(
            `https://host.test:8443/${segments.join("/")}${search === "" ? "" : `?${search}`}`,
          );
          const signer = awsSigner({ service: "bedrock", region: "eu-west-1", ...keys }, services());
          const headers = await signer.sign(
            { method: "POST", url: url.href, headers: { "x-any": header }, body },
            signal,
          );
          expect(headers).not.toHaveProperty("host");
          expect(headers["x-any"]).toBe(header);
          const sent = {
            method: "POST",
            target: url.pathname + url.search,
            headers: { ...headers, host: url.host },
            body,
          };
          const scope = { region: "eu-west-1", service: "bedrock", nowMs: atMs, toleranceMs: 300_000 };
          expect(checkSignature(sent, [keys], scope)).toBeUndefined();
          const bent = { ...sent, body: `${body}.` };
          expect(checkSignature(bent, [keys], scope)?.fault).toBe("mismatch");
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe("the keys that sign", () => {
  const signedBy = async (
    options: Partial<Parameters<typeof awsSigner>[0]>,
    env: IdentityServices["env"],
  ) => {
    const signer = awsSigner({ service: "s", region: "eu-west-1", ...options }, services(env));
    const headers = await signer.sign(request, signal);
    return [/Credential=([^/]+)/.exec(headers["authorization"] ?? "")?.[1], headers["x-amz-security-token"]];
  };
  const env = { AWS_ACCESS_KEY_ID: "ASIAENV", AWS_SECRET_ACCESS_KEY: "s", AWS_SESSION_TOKEN: "token" };

  it("are the config's, without the session token of other keys in the environment", async () => {
    expect(await signedBy(keys, env)).toEqual(["AKIAEXAMPLE", undefined]);
  });

  it("are the environment's, with their session token, where the config has none", async () => {
    expect(await signedBy({}, env)).toEqual(["ASIAENV", "token"]);
    expect(
      await signedBy({ accessKeyId: "", secretAccessKey: "" }, { ...env, AWS_SESSION_TOKEN: "" }),
    ).toEqual(["ASIAENV", undefined]);
  });

  it("are the environment's also beside a profile", async () => {
    expect(await signedBy({}, { ...env, AWS_PROFILE: "other" })).toEqual(["ASIAENV", "token"]);
  });

  it("are two", () => {
    for (const half of [{ accessKeyId: "a" }, { secretAccessKey: "s" }]) {
      expect(() => awsSigner({ service: "s", region: "eu-west-1", ...half }, services())).toThrow(
        "auth.aws_access_key_id and auth.aws_secret_access_key go together",
      );
    }
  });
});

describe("the region", () => {
  const regionOf = (region: string | undefined, env: IdentityServices["env"]) =>
    awsSigner({ service: "s", region, ...keys }, services(env)).region;

  it("is the config's, else AWS_REGION, else AWS_DEFAULT_REGION", () => {
    const env = { AWS_REGION: "eu-west-2", AWS_DEFAULT_REGION: "eu-west-3" };
    expect(regionOf("us-gov-east-1", env)).toBe("us-gov-east-1");
    expect(regionOf(undefined, env)).toBe("eu-west-2");
    expect(regionOf("", { ...env, AWS_REGION: "" })).toBe("eu-west-3");
  });

  it("is asked for by the name of its setting", () => {
    expect(() => regionOf(undefined, {})).toThrow("no AWS region is set: set aws_region, or AWS_REGION");
  });

  it("is nothing that could change the host", () => {
    for (const odd of ["eu", "evil.test/", "eu-west-1.evil.test", "EU-WEST-1", "eu-west-1#"])
      expect(() => regionOf(odd, {}), odd).toThrow("is not an AWS region");
  });
});

describe("a role", () => {
  it("has a session name, and STS an address", () => {
    const role = { service: "s", region: "eu-west-1", ...keys, assumeRoleArn: "arn:aws:iam::1:role/r" };
    expect(() => awsSigner(role, services())).toThrow(
      "aws_assume_role_arn and aws_role_session_name go together",
    );
    expect(() => awsSigner({ ...role, roleSessionName: "n", stsEndpointUrl: "sts" }, services())).toThrow(
      "aws_sts_endpoint_url is not an http(s) URL",
    );
  });
});
