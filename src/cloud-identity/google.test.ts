import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  accountEmail,
  type GoogleIdentity,
  privateKeyPem,
  serviceAccountFile,
  startGoogleIdentity,
  tokenUri,
} from "../../test/support/vendors/google-identity.ts";
import { createHttpCaller } from "../http/http-caller.ts";
import { type GoogleTokenOptions, googleToken } from "./google.ts";
import { IdentityError } from "./token-source.ts";

const scope = "https://www.googleapis.com/auth/cloud-platform";
const { signal } = new AbortController();
const caller = createHttpCaller();
let cloud: GoogleIdentity;
let folder: string;
let nowMs = 1_800_000_000_500;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-google-"));
});
afterAll(async () => {
  await caller.close();
  await cloud.close();
  await rm(folder, { recursive: true });
});
beforeEach(async () => {
  await cloud?.close();
  cloud = await startGoogleIdentity(() => nowMs);
});

function source(options: Omit<GoogleTokenOptions, "scope">, env: Record<string, string> = {}) {
  const services = { call: caller.call, wallClock: () => nowMs, env };
  const kept = googleToken({ scope, ...options }, services);
  return async (asking: AbortSignal) => (await kept.get(asking)).token;
}

/** Sends what is meant for Google's own address to the server. */
function account(more: Readonly<Record<string, unknown>> = {}) {
  return { serviceAccountJson: serviceAccountFile(more), oauthTokenUrl: `${cloud.url}/token` };
}

async function refusal(promise: Promise<unknown>): Promise<IdentityError> {
  const error = await promise.catch((thrown: unknown) => thrown);
  if (error instanceof IdentityError) return error;
  throw new Error(`expected an IdentityError, got ${error}`);
}

describe("signing in to Google with a service account", () => {
  it("sends an assertion that the server can verify, and keeps the token for as long as it is good", async () => {
    const token = source(account());
    expect(await token(signal)).toBe(cloud.issued[0]);
    expect(await token(signal)).toBe(cloud.issued[0]);
    const iat = Math.floor(nowMs / 1000);
    expect(cloud.claims).toEqual([{ iss: accountEmail, scope, aud: tokenUri, iat, exp: iat + 3600 }]);
    nowMs += 3_599_000 - 59_000;
    expect(await token(signal)).toBe(cloud.issued[1]);
  });

  it("sends it to the account's own token_uri where no other is set, and to that it is addressed then", async () => {
    const error = await refusal(
      source({ serviceAccountJson: serviceAccountFile({ token_uri: `${cloud.url}/token` }) })(signal),
    );
    expect(error.message).toContain("Failed audience check");
  });

  it("takes the account of GCP_SERVICE_ACCOUNT, and a key whose line ends were escaped", async () => {
    const { oauthTokenUrl } = account();
    const escaped = serviceAccountFile({ private_key: privateKeyPem.replaceAll("\n", "\\n") });
    expect(await source({ oauthTokenUrl }, { GCP_SERVICE_ACCOUNT: escaped })(signal)).toBe(cloud.issued[0]);
  });

  it("takes the account of the file in GOOGLE_APPLICATION_CREDENTIALS, read anew with each token", async () => {
    const file = join(folder, "key.json");
    const token = source({ oauthTokenUrl: `${cloud.url}/token` }, { GOOGLE_APPLICATION_CREDENTIALS: file });
    expect((await refusal(token(signal))).message).toContain("GOOGLE_APPLICATION_CREDENTIALS cannot be read");
    await writeFile(file, '{"type":"authorized_user","refresh_token":"1//secret"}');
    const error = await refusal(token(signal));
    expect(error.message).toMatch(/GOOGLE_APPLICATION_CREDENTIALS is not of type "service_account"/);
    expect(error.message).not.toContain("1//secret");
    await writeFile(file, serviceAccountFile());
    expect(await token(signal)).toBe(cloud.issued[0]);
  });

  it("says what Google said, and what to look at", async () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const other = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const error = await refusal(source(account({ private_key: other }))(signal));
    expect(error.message).toMatch(/invalid_grant: Invalid JWT Signature.*key of sluice@project/);
    expect(error.isRetryable).toBe(false);
    cloud.fail(1, 503);
    expect((await refusal(source(account())(signal))).isRetryable).toBe(true);
  });

  it("refuses a malformed account when it is made, names the setting, and quotes nothing of it", () => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const curve = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const cases: readonly [string, RegExp][] = [
      [`{"private_key":"${"s3cret".repeat(3)}`, /gcp_service_account_json is not JSON/],
      ['["s3cret"]', /not a JSON object/],
      [serviceAccountFile({ client_email: "" }), /no "client_email"/],
      [serviceAccountFile({ private_key: undefined }), /no "private_key"/],
      [
        serviceAccountFile({ private_key: "-----BEGIN PRIVATE KEY-----\ns3cret" }),
        /not a private key in PEM/,
      ],
      [serviceAccountFile({ private_key: curve }), /not an RSA key/],
      [serviceAccountFile({ token_uri: "s3cret" }), /"token_uri" of gcp_service_account_json/],
      [serviceAccountFile({ type: "external_account" }), /type "service_account"/],
    ];
    for (const [serviceAccountJson, message] of cases) {
      expect(() => source({ serviceAccountJson })).toThrow(message);
      try {
        source({ serviceAccountJson });
      } catch (error) {
        const whole = String(error) + String((error as Error).cause);
        expect(whole).not.toContain("s3cret");
        expect(whole).not.toContain(curve.slice(30, 60));
      }
    }
    expect(() => source({}, { GCP_SERVICE_ACCOUNT: "{" })).toThrow("GCP_SERVICE_ACCOUNT is not JSON");
    expect(() => source({ ...account(), oauthTokenUrl: "oauth2" })).toThrow("gcp_oauth_token_url");
  });
});

describe("signing in to Google with the machine's identity", () => {
  it("asks the metadata service, wherever it is said to be", async () => {
    expect(await source({}, { GCE_METADATA_HOST: cloud.host })(signal)).toBe(cloud.issued[0]);
    expect(await source({ metadataUrl: cloud.url })(signal)).toBe(cloud.issued[1]);
    const path = "/computeMetadata/v1/instance/service-accounts/default/token";
    expect(await source({ metadataUrl: `${cloud.url}${path}` })(signal)).toBe(cloud.issued[2]);
    const query = `?${new URLSearchParams({ scopes: scope })}`;
    expect(cloud.metadataQueries).toEqual([query, query, query]);
  });

  it("prefers a metadata service that is set to a file that only the environment names", async () => {
    const env = { GOOGLE_APPLICATION_CREDENTIALS: join(folder, "missing.json") };
    expect(await source({ metadataUrl: cloud.url }, env)(signal)).toBe(cloud.issued[0]);
  });

  it("says what to set when there is no such service, and can be tried again", async () => {
    cloud.fail(1, 503);
    const error = await refusal(source({ metadataUrl: cloud.url })(signal));
    expect(error.message).toMatch(/metadata service at 127\.0\.0\.1.*503.*gcp_service_account_json/);
    expect(error.isRetryable).toBe(true);
    expect(() => source({ metadataUrl: "metadata" })).toThrow("gcp_metadata_url");
  });
});
