/**
 * AWS signature version 4 from the other side: what a service does with a signed request, written from the public
 * description ("Create a signed AWS API request") on node:crypto alone, so that nothing is shared with the signer.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";

export interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Temporary keys have one, and are refused without it. */
  readonly sessionToken?: string;
  /** Milliseconds since 1970. */
  readonly expiresAtMs?: number;
}

export interface SignedRequest {
  readonly method: string;
  /** Path and query as they stand on the request line. */
  readonly target: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

export interface Scope {
  readonly region: string;
  readonly service: string;
  readonly nowMs: number;
  /** How far the signature's time may be off: 5 min for most services, 15 for STS. */
  readonly toleranceMs: number;
}

export type Fault =
  | "missing"
  | "incomplete"
  | "unknown-key"
  | "bad-token"
  | "expired-token"
  | "stale"
  | "mismatch";

export interface Refusal {
  readonly fault: Fault;
  readonly message: string;
}

/** Undefined when the signature is right. */
export function checkSignature(
  request: SignedRequest,
  known: readonly Keys[],
  scope: Scope,
): Refusal | undefined {
  const authorization = request.headers["authorization"];
  if (authorization === undefined) return { fault: "missing", message: "Missing Authentication Token" };
  const parts =
    /^AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      authorization,
    );
  const [, credential = "", signedHeaders = "", signature = ""] = parts ?? [];
  const [accessKeyId, day, region, service, terminator] = credential.split("/");
  const date = request.headers["x-amz-date"] ?? "";
  if (parts === null || terminator !== "aws4_request" || !/^\d{8}T\d{6}Z$/.test(date))
    return {
      fault: "incomplete",
      message: "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
    };
  if (region !== scope.region || service !== scope.service || day !== date.slice(0, 8))
    return { fault: "mismatch", message: `Credential should be scoped to a valid region, not '${region}'. ` };
  const names = signedHeaders.split(";");
  const mustSign = [
    "host",
    "x-amz-date",
    ...Object.keys(request.headers).filter((name) => name.startsWith("x-amz-")),
  ];
  const unsigned = mustSign.find((name) => !names.includes(name));
  if (unsigned !== undefined)
    return { fault: "mismatch", message: `'${unsigned}' must be a 'SignedHeader' in the AWS Authorization.` };
  const keys = known.find((candidate) => candidate.accessKeyId === accessKeyId);
  const keyFault = checkKeys(keys, request.headers["x-amz-security-token"], scope.nowMs);
  if (keys === undefined || keyFault !== undefined) return keyFault;
  return checkDate(date, scope) ?? checkDigest(request, { keys, names, signature, date, scope });
}

function checkKeys(keys: Keys | undefined, token: string | undefined, nowMs: number): Refusal | undefined {
  const message = "The security token included in the request is invalid.";
  if (keys === undefined) return { fault: "unknown-key", message };
  if (keys.sessionToken !== token) return { fault: "bad-token", message };
  if (keys.expiresAtMs !== undefined && keys.expiresAtMs <= nowMs)
    return { fault: "expired-token", message: "The security token included in the request is expired" };
  return undefined;
}

function checkDate(date: string, { nowMs, toleranceMs }: Scope): Refusal | undefined {
  const signedAtMs = Date.parse(date.replace(/^(....)(..)(..T..)(..)(..Z)$/, "$1-$2-$3:$4:$5"));
  const minutes = toleranceMs / 60_000;
  if (signedAtMs < nowMs - toleranceMs)
    return {
      fault: "stale",
      message: `Signature expired: ${date} is now earlier than ${compact(nowMs - toleranceMs)} (${compact(nowMs)} - ${minutes} min.)`,
    };
  if (signedAtMs > nowMs + toleranceMs)
    return {
      fault: "stale",
      message: `Signature not yet current: ${date} is still later than ${compact(nowMs + toleranceMs)} (${compact(nowMs)} + ${minutes} min.)`,
    };
  return undefined;
}

interface Claim {
  readonly keys: Keys;
  readonly names: readonly string[];
  readonly signature: string;
  readonly date: string;
  readonly scope: Scope;
}

function checkDigest(request: SignedRequest, claim: Claim): Refusal | undefined {
  const { date, keys, names, scope, signature } = claim;
  const payload = sha256(request.body);
  const declared = request.headers["x-amz-content-sha256"];
  const canonical = [
    request.method,
    canonicalPath(request.target),
    canonicalQuery(request.target),
    ...names.map((name) => `${name}:${(request.headers[name] ?? "").trim().replace(/ +/g, " ")}`),
    "",
    names.join(";"),
    payload,
  ].join("\n");
  const credentialScope = [date.slice(0, 8), scope.region, scope.service, "aws4_request"];
  const key = credentialScope.reduce<string | Buffer>(
    (secret, part) => createHmac("sha256", secret).update(part).digest(),
    `AWS4${keys.secretAccessKey}`,
  );
  const toSign = ["AWS4-HMAC-SHA256", date, credentialScope.join("/"), sha256(canonical)].join("\n");
  const right = createHmac("sha256", key).update(toSign).digest();
  const isSorted = names.join() === [...names].sort().join();
  const isRight = timingSafeEqual(right, Buffer.from(signature, "hex"));
  if (isRight && isSorted && (declared === undefined || declared === payload)) return undefined;
  return {
    fault: "mismatch",
    message:
      "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
  };
}

/** Every service but S3 encodes the path as sent once more. */
function canonicalPath(target: string): string {
  const [path = "/"] = target.split("?");
  return path.split("/").map(encode).join("/");
}

function canonicalQuery(target: string): string {
  const at = target.indexOf("?");
  if (at === -1) return "";
  const pairs = target
    .slice(at + 1)
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => {
      const [name = "", value = ""] = pair.split("=").map((part) => encode(decodeURIComponent(part)));
      return [name, value] as const;
    });
  const order = (a: string, b: string) => Number(a > b) - Number(a < b);
  return pairs
    .sort((a, b) => order(a[0], b[0]) || order(a[1], b[1]))
    .map((pair) => pair.join("="))
    .join("&");
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function compact(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]|\.\d+/g, "");
}
