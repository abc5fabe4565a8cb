/**
 * Google's token endpoint, which checks an assertion as RFC 7523 and Google's documentation say, and its metadata
 * service.
 */
import { createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { bodyOf, startUpstream, type Upstream } from "../http-upstream.ts";

export interface GoogleIdentity extends Upstream {
  /** The content of a key file for an account that is known here. */
  readonly serviceAccountJson: string;
  /** `host:port`, as `GCE_METADATA_HOST` has it. */
  readonly host: string;
  readonly issued: readonly string[];
  /** The claims of assertions that were accepted. */
  readonly claims: readonly Claims[];
  readonly metadataQueries: readonly string[];
  /** Tokens issued from now on last this long. */
  lifetimeSeconds: number;
  /** The next so many requests are answered with this status. */
  fail(times: number, status: number): void;
}

export interface Claims {
  readonly iss: string;
  readonly scope: string;
  readonly aud: string;
  readonly iat: number;
  readonly exp: number;
}

export const accountEmail = "sluice@project.iam.gserviceaccount.com";
/** The audience that assertions must be for, wherever they are sent. */
export const tokenUri = "https://oauth2.googleapis.com/token";
const keyId = "a1b2c3d4";

/** Making a key takes a while; one serves all tests of a file. */
const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
export const privateKeyPem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();

export function serviceAccountFile(more: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    type: "service_account",
    project_id: "project",
    private_key_id: keyId,
    private_key: privateKeyPem,
    client_email: accountEmail,
    client_id: "1234567890",
    auth_uri: "https://accounts.google.com/o/oauth2/auth",
    token_uri: tokenUri,
    universe_domain: "googleapis.com",
    ...more,
  });
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export async function startGoogleIdentity(wallClock: () => number = Date.now): Promise<GoogleIdentity> {
  const issued: string[] = [];
  const claims: Claims[] = [];
  const metadataQueries: string[] = [];
  const failures: number[] = [];

  function token(): unknown {
    const value = `ya29.google-${issued.length + 1}`;
    issued.push(value);
    return { access_token: value, expires_in: server.lifetimeSeconds, token_type: "Bearer" };
  }

  async function answer(request: IncomingMessage): Promise<Answer> {
    const url = new URL(request.url ?? "/", "http://localhost");
    const failure = failures.shift();
    if (failure !== undefined) return { status: failure, body: { error: "internal_failure" } };
    if (url.pathname === "/token" && request.method === "POST") {
      const form = new URLSearchParams((await bodyOf(request)).toString());
      const checked = checkAssertion(form, Math.floor(wallClock() / 1000));
      if ("fault" in checked) return { status: 400, body: checked.fault };
      claims.push(checked.claims);
      return { status: 200, body: token() };
    }
    if (url.pathname.startsWith("/computeMetadata/v1")) return metadata(request, url);
    return { status: 404, body: {} };
  }

  function metadata(request: IncomingMessage, url: URL): Answer {
    if (request.headers["metadata-flavor"] !== "Google")
      return { status: 403, body: "Missing required header 'Metadata-Flavor: Google'" };
    if (!url.pathname.endsWith("/service-accounts/default/token")) return { status: 200, body: {} };
    metadataQueries.push(url.search);
    return { status: 200, body: token() };
  }

  const upstream = await startUpstream((request, response) => {
    answer(request).then(
      ({ status, body }) => {
        response.writeHead(status, { "content-type": "application/json", "metadata-flavor": "Google" });
        response.end(JSON.stringify(body));
      },
      () => response.destroy(),
    );
  });
  const server: GoogleIdentity = {
    ...upstream,
    serviceAccountJson: serviceAccountFile(),
    host: `127.0.0.1:${upstream.port}`,
    issued,
    claims,
    metadataQueries,
    lifetimeSeconds: 3599,
    fail(times, status) {
      for (let i = 0; i < times; i++) failures.push(status);
    },
  };
  return server;
}

type Checked = { readonly claims: Claims } | { readonly fault: unknown };

function checkAssertion(form: URLSearchParams, nowSeconds: number): Checked {
  if (form.get("grant_type") !== "urn:ietf:params:oauth:grant-type:jwt-bearer")
    return fault("unsupported_grant_type", "Invalid grant_type");
  const [header = "", payload = "", signature = "", ...more] = (form.get("assertion") ?? "").split(".");
  if (more.length > 0 || signature === "") return fault("invalid_grant", "Bad Request");
  const { alg, typ, kid } = decode(header);
  if (alg !== "RS256" || typ !== "JWT" || kid !== keyId) return fault("invalid_grant", "Invalid JWT header");
  const isSigned = verify(
    "sha256",
    Buffer.from(`${header}.${payload}`),
    createPublicKey(publicKey.export({ type: "spki", format: "pem" }).toString()),
    Buffer.from(signature, "base64url"),
  );
  if (!isSigned) return fault("invalid_grant", "Invalid JWT Signature.");
  const claims = decode(payload) as unknown as Claims; // checked field by field below
  if (claims.iss !== accountEmail) return fault("invalid_grant", "Invalid grant: account not found");
  if (claims.aud !== tokenUri) return fault("invalid_grant", "Invalid JWT: Failed audience check.");
  const isInTime =
    claims.iat <= nowSeconds + 300 && claims.exp > nowSeconds && claims.exp - claims.iat <= 3600;
  if (!isInTime)
    return fault(
      "invalid_grant",
      "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.",
    );
  if (!/^https:\/\/www\.googleapis\.com\/auth\//.test(claims.scope))
    return fault("invalid_scope", "Invalid OAuth scope or ID token audience provided.");
  return { claims };
}

function fault(error: string, description: string): Checked {
  return { fault: { error, error_description: description } };
}

function decode(part: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(part, "base64url").toString()) as Record<string, unknown>;
}
