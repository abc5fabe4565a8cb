/** A token asked for over HTTP, as OAuth 2.0 (RFC 6749, section 5) and the clouds' metadata services answer it. */
import { HttpCallError, type HttpCallRequest } from "../http/http-call.ts";
import { isJsonObject } from "../llm/json.ts";
import { IdentityError, type IdentityServices, type IssuedToken } from "./token-source.ts";

export interface TokenRequest {
  /** Who is asked for what, for messages: "Azure's sign-in at login.microsoftonline.com". */
  readonly issuer: string;
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Fields of the form that is posted. */
  readonly form?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Values that must not show in messages. */
  readonly secrets?: readonly string[];
  /** Statuses beside 408, 429 and 5xx after which the issuer asks to try again. */
  readonly retryableStatuses?: readonly number[];
  /** What the operator can do, as an end of the message. */
  readonly hint: string;
}

/** Longest quotation of an issuer's own words. */
const maxQuotation = 300;

/** Rejects with an `IdentityError` that names the issuer and what it said. */
export async function requestToken(
  request: TokenRequest,
  { call, wallClock }: IdentityServices,
): Promise<IssuedToken> {
  const askedAtMs = wallClock();
  const answer = await call(toHttpCall(request)).catch((error: unknown) => {
    throw unreachable(request, error);
  });
  const body = parse(answer.body);
  if (answer.status !== 200) throw refused(request, answer.status, body);
  const token = body?.["access_token"];
  const expiresAtMs = expiryOf(body, askedAtMs);
  if (typeof token === "string" && isHeaderValue(token) && expiresAtMs !== undefined)
    return { token, expiresAtMs };
  throw new IdentityError(`${request.issuer} answered 200 without a usable token; ${request.hint}`);
}

function toHttpCall({ method, url, headers, form, timeoutMs }: TokenRequest): HttpCallRequest {
  return {
    method,
    url,
    headers: {
      accept: "application/json",
      "accept-encoding": "identity",
      ...(form && { "content-type": "application/x-www-form-urlencoded" }),
      ...headers,
    },
    body: form && new URLSearchParams(form).toString(),
    // Several callers may wait for this one token: none of them ends it, the deadline does.
    signal: new AbortController().signal,
    timeoutMs,
  };
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return isJsonObject(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

/** `expires_in` counts from now, `expires_on` (Azure's metadata services) from 1970; both are seconds, maybe as text. */
function expiryOf(
  body: Readonly<Record<string, unknown>> | undefined,
  askedAtMs: number,
): number | undefined {
  const inSeconds = seconds(body?.["expires_in"]);
  if (inSeconds !== undefined) return askedAtMs + inSeconds * 1000;
  const onSeconds = seconds(body?.["expires_on"]);
  return onSeconds === undefined ? undefined : onSeconds * 1000;
}

function seconds(value: unknown): number | undefined {
  if (typeof value === "string" && /^\d+$/.test(value)) return Number(value);
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

/** Anything else would fail later, inside the HTTP client, in words that quote it. */
function isHeaderValue(token: string): boolean {
  return /^[\x21-\x7e]+$/.test(token);
}

function unreachable({ issuer, hint }: TokenRequest, cause: unknown): IdentityError {
  const reason = cause instanceof HttpCallError ? cause.message : "the call failed";
  return new IdentityError(`${issuer} could not be asked for a token: ${reason}; ${hint}`, {
    cause,
    isRetryable: true,
  });
}

function refused(
  request: TokenRequest,
  status: number,
  body: Readonly<Record<string, unknown>> | undefined,
): IdentityError {
  const isRetryable =
    status === 408 ||
    status === 429 ||
    status >= 500 ||
    (request.retryableStatuses?.includes(status) ?? false);
  const words = [body?.["error"], body?.["error_description"]].filter((word) => typeof word === "string");
  const said = quote(words.join(": "), request.secrets ?? []);
  return new IdentityError(
    `${request.issuer} refused a token with status ${status}${said === "" ? "" : ` (${said})`}; ${request.hint}`,
    { isRetryable },
  );
}

/** The issuer's first line: what follows are request ids and times. */
function quote(text: string, secrets: readonly string[]): string {
  const known = secrets.filter((secret) => secret !== "");
  const clean = known.reduce((rest, secret) => rest.replaceAll(secret, "[redacted]"), text);
  const line = clean.split(/[\r\n]/, 1)[0]?.trim() ?? "";
  return line.length > maxQuotation ? `${line.slice(0, maxQuotation)}…` : line;
}
