/**
 * Signing in to Google Cloud: with a service account's key, or with the identity that the platform's metadata service
 * hands out. Facts: "Using OAuth 2.0 for Server to Server Applications" and "Authenticate applications directly with
 * access tokens" of Google's documentation; RFC 7523.
 */
import { readFile } from "node:fs/promises";
import { readServiceAccount, type ServiceAccount, signAssertion } from "./google/service-account.ts";
import { keep } from "./kept.ts";
import { requestToken } from "./oauth.ts";
import { IdentityError, type IdentityServices, type IssuedToken, type TokenSource } from "./token-source.ts";

/** The settings of that name, as the schema leaves them, and what the token is for. */
export interface GoogleTokenOptions {
  readonly serviceAccountJson?: string | undefined;
  /** `gcp_metadata_url`: without a path, the usual one is added. */
  readonly metadataUrl?: string | undefined;
  /** `gcp_oauth_token_url`, in place of the account's own `token_uri`. */
  readonly oauthTokenUrl?: string | undefined;
  /** e.g. `https://www.googleapis.com/auth/cloud-platform`. */
  readonly scope: string;
}

const signInTimeoutMs = 10_000;

/** A metadata service is on the machine itself, or it is not there and the connection hangs. */
const metadataTimeoutMs = 5_000;

const metadataPath = "/computeMetadata/v1/instance/service-accounts/default/token";

/**
 * Uses the service account of the config, else of `GCP_SERVICE_ACCOUNT`, else of the file in
 * `GOOGLE_APPLICATION_CREDENTIALS`, else the metadata service. Throws an `Error` that names the setting when one
 * cannot be used; the file is read with the first token, and anew with each.
 */
export function googleToken(options: GoogleTokenOptions, services: IdentityServices): TokenSource {
  return keep(chooseWay(options, services), services.wallClock);
}

function chooseWay(options: GoogleTokenOptions, services: IdentityServices): () => Promise<IssuedToken> {
  const { env } = services;
  const tokenUrl = options.oauthTokenUrl ? readUrl(options.oauthTokenUrl, "gcp_oauth_token_url") : undefined;
  const json = options.serviceAccountJson || env["GCP_SERVICE_ACCOUNT"];
  if (json) {
    const setting = options.serviceAccountJson ? "gcp_service_account_json" : "GCP_SERVICE_ACCOUNT";
    const account = readServiceAccount(json, setting);
    return () => exchange(account, options.scope, tokenUrl, services);
  }
  const file = env["GOOGLE_APPLICATION_CREDENTIALS"];
  if (file && !options.metadataUrl)
    return async () => exchange(await readAccountFile(file), options.scope, tokenUrl, services);
  return fromMetadata(options, services);
}

function readUrl(text: string, setting: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "https:" || url?.protocol === "http:") return url;
  throw new Error(`${setting} is not an http(s) URL`);
}

async function readAccountFile(file: string): Promise<ServiceAccount> {
  const setting = "the file in GOOGLE_APPLICATION_CREDENTIALS";
  const json = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new IdentityError(`${setting} cannot be read`, { cause, isRetryable: true });
  });
  try {
    return readServiceAccount(json, setting);
  } catch (error) {
    throw new IdentityError(error instanceof Error ? error.message : `${setting} cannot be used`);
  }
}

/** An assertion is for the account's own `token_uri`, also where another address leads there. */
function exchange(
  account: ServiceAccount,
  scope: string,
  tokenUrl: URL | undefined,
  services: IdentityServices,
): Promise<IssuedToken> {
  const url = tokenUrl ?? account.tokenUri;
  const assertion = signAssertion(account, scope, services.wallClock());
  return requestToken(
    {
      issuer: `Google's sign-in at ${url.host}`,
      method: "POST",
      url: url.href,
      form: { grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion },
      timeoutMs: signInTimeoutMs,
      secrets: [assertion],
      hint: `check that the key of ${account.clientEmail} is still valid, and this machine's clock`,
    },
    services,
  );
}

/** Compute Engine, GKE, Cloud Run: an address that only resolves there. */
function fromMetadata(options: GoogleTokenOptions, services: IdentityServices): () => Promise<IssuedToken> {
  const host = services.env["GCE_METADATA_HOST"] || "metadata.google.internal";
  const url = options.metadataUrl
    ? readUrl(options.metadataUrl, "gcp_metadata_url")
    : readUrl(`http://${host}`, "GCE_METADATA_HOST");
  if (url.pathname === "/") url.pathname = metadataPath;
  // Ignored by virtual machines, whose scopes are the machine's; Cloud Run and GKE follow it.
  if (!url.searchParams.has("scopes")) url.searchParams.set("scopes", options.scope);
  return () =>
    requestToken(
      {
        issuer: `Google's metadata service at ${url.host}`,
        method: "GET",
        url: url.href,
        headers: { "metadata-flavor": "Google" },
        timeoutMs: metadataTimeoutMs,
        hint:
          "check that a service account is attached to this machine; " +
          "outside Google Cloud set gcp_service_account_json or GCP_SERVICE_ACCOUNT",
      },
      services,
    );
}
