/** Signature version 4, by the vendor's own library. */
import type { AwsCredentials } from "./credentials.ts";

/** What is signed: nothing of it may change afterwards. */
export interface AwsRequest {
  readonly method: string;
  readonly url: string;
  /** Lower-case names; `host` is taken from the URL. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface SigningScope {
  readonly region: string;
  /** The service's signing name, e.g. `bedrock`. */
  readonly service: string;
  /** Milliseconds since 1970. Services refuse signatures that are some five minutes off. */
  readonly atMs: number;
}

/** The request's headers together with those that sign it. */
export async function signRequest(
  request: AwsRequest,
  credentials: AwsCredentials,
  scope: SigningScope,
): Promise<Readonly<Record<string, string>>> {
  const [{ SignatureV4 }, { Sha256 }] = await Promise.all([
    import("@smithy/signature-v4"),
    import("@aws-crypto/sha256-js"),
  ]);
  const url = new URL(request.url);
  const signer = new SignatureV4({
    credentials,
    region: scope.region,
    service: scope.service,
    sha256: Sha256,
  });
  const signed = await signer.sign(
    {
      method: request.method,
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      query: queryOf(url),
      headers: { ...request.headers, host: url.host },
      body: request.body,
    },
    { signingDate: new Date(scope.atMs) },
  );
  // The transport writes `host` itself, the same one.
  const { host: _host, ...headers } = signed.headers;
  return headers;
}

function queryOf(url: URL): Record<string, string[]> {
  const names = new Set(url.searchParams.keys());
  return Object.fromEntries([...names].map((name) => [name, url.searchParams.getAll(name)]));
}
