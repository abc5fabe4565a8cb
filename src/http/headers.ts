/** Which headers pass from one side of the gateway to the other, and which stop here. */
import type { ReplyHeaders } from "./reply.ts";

/** Lower-case names, as node:http and undici give them. */
export type MessageHeaders = Readonly<Record<string, string | string[] | undefined>>;

/**
 * Headers about one connection, which a gateway must not pass on: RFC 9110, section 7.6.1, with RFC 2616's and
 * Netscape's leftovers. The proxy pair is for the first proxy that asks, us (RFC 9110, section 11.7).
 */
export const hopByHopHeaders: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Told anew about each request, so that a client that is not trusted cannot tell its own. */
const forwardedHeaders: ReadonlySet<string> = new Set([
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-path",
  "x-forwarded-prefix",
  "x-real-ip",
]);

/** `Expect: 100-continue` node:http has answered itself, and undici does not send it. */
const rewrittenHeaders: ReadonlySet<string> = new Set([...forwardedHeaders, "host", "expect"]);

export interface ForwardOptions {
  /** The upstream's own name for the Host header, with the port unless it is the scheme's default. */
  readonly upstreamHost: string;
  /** Sends the client's Host header instead, if there is one. */
  readonly preserveHost: boolean;
  /** How the client reached us. Default: http. */
  readonly scheme?: "http" | "https";
  /** Where the client reached us. Default: the port of its Host header, else that of the scheme. */
  readonly port?: number;
  /** The client is a proxy of ours: what its `X-Forwarded-*` and `X-Real-IP` say of the first client stands. */
  readonly trustsClient?: boolean;
}

/**
 * The client's headers as a plain proxy sends them on: without hop-by-hop headers and those that `Connection` names,
 * with `X-Forwarded-*` and `X-Real-IP` as Kong sets them. A `Content-Length` stays only if it is sound.
 */
export function forwardRequestHeaders(
  request: { readonly headers: MessageHeaders; readonly clientIp: string },
  options: ForwardOptions,
): ReplyHeaders {
  const forwarded = endToEnd(request.headers, rewrittenHeaders);
  const host = single(request.headers["host"]);
  forwarded["host"] = options.preserveHost && host ? host : options.upstreamHost;
  return Object.assign(forwarded, forwardedBy(request, options));
}

function forwardedBy(
  request: { readonly headers: MessageHeaders; readonly clientIp: string },
  options: ForwardOptions,
) {
  const { clientIp, headers } = request;
  const { scheme = "http", trustsClient = false } = options;
  const chain = single(headers["x-forwarded-for"]);
  const host = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(single(headers["host"]) ?? "");
  const told: ReplyHeaders = {
    "x-forwarded-for": chain ? `${chain}, ${clientIp}` : clientIp,
    "x-forwarded-proto": scheme,
    "x-forwarded-port": String(options.port ?? host?.[2] ?? (scheme === "https" ? 443 : 80)),
    "x-real-ip": clientIp,
  };
  if (host?.[1]) told["x-forwarded-host"] = host[1].toLowerCase();
  if (trustsClient) {
    for (const name of forwardedHeaders) {
      const value = headers[name];
      if (name !== "x-forwarded-for" && value !== undefined) told[name] = value;
    }
  }
  return told;
}

/** An upstream's headers as a plain proxy answers with them, for a body relayed byte by byte. */
export function forwardResponseHeaders(headers: MessageHeaders): ReplyHeaders {
  return endToEnd(headers, nothing);
}

const nothing: ReadonlySet<string> = new Set();

/** Without what concerns one connection only, what is `replaced` anyway, and a length that cannot be trusted. */
function endToEnd(headers: MessageHeaders, replaced: ReadonlySet<string>): ReplyHeaders {
  const named = connectionNames(headers["connection"]);
  const passed: ReplyHeaders = {};
  const length = soundLength(headers);
  for (const name in headers) {
    const value = name === "content-length" ? length : headers[name];
    if (value === undefined || hopByHopHeaders.has(name) || replaced.has(name) || named?.includes(name))
      continue;
    // A colon begins HTTP/2's pseudo-headers, which are no headers here.
    if (!name.startsWith(":")) passed[name] = value;
  }
  return passed;
}

/** Headers that `Connection` declares to be about the connection (RFC 9110, section 7.6.1). */
function connectionNames(connection: string | string[] | undefined): string[] | undefined {
  if (connection === undefined || connection === "keep-alive" || connection === "close") return undefined;
  return String(connection)
    .toLowerCase()
    .split(",")
    .map((name) => name.trim());
}

/**
 * RFC 9112, section 6.3: next to Transfer-Encoding a Content-Length means nothing, and one that was sent more than
 * once counts only if all are equal. Without it the body is framed anew, so nothing can be smuggled past us.
 */
function soundLength(headers: MessageHeaders): string | undefined {
  const value = headers["content-length"];
  if (value === undefined || headers["transfer-encoding"] !== undefined) return undefined;
  const [first = "", ...others] = String(value)
    .split(",")
    .map((part) => part.trim());
  return /^\d{1,15}$/.test(first) && others.every((other) => other === first) ? first : undefined;
}

export interface AiRequestOptions {
  /** The target has no key of its own: the client's `Authorization` is the vendor's, and is passed. */
  readonly keepAuthorization: boolean;
  /** Further headers to pass: names in lower case, or beginnings followed by `*`. Never opens what is private. */
  readonly alsoPass?: readonly string[];
}

/** What a vendor may always see: an id the client made up to find its request again. */
const aiRequestHeaderNames = ["x-client-request-id"];

/**
 * Never for a vendor, whatever `alsoPass` says: who the client is, its keys for us, and what the engine sets. The rest
 * is kept from vendors by not being listed; this is the second lock, for patterns that are wider than meant.
 */
const privateHeader =
  /^(?:authorization|cookie|host|expect|accept-encoding|content-.*|forwarded|via|from|referer|origin|x-forwarded-.*|x-real-ip|x-consumer-.*|x-credential-.*|x-anonymous-consumer|x-kong-.*|kong-.*|(?:x-)?api-?key|.*-api-?key|.*(?:auth|token|secret|password|session).*)$/;

/**
 * The client's headers as an AI vendor gets them: by an allow-list, so that nothing of the client's credentials or
 * identity leaves. `accept-encoding` is always set, to what we can undo. Content type, the target's credentials and
 * the vendor's own headers are the engine's to add.
 */
export function aiRequestHeaders(headers: MessageHeaders, options: AiRequestOptions): Record<string, string> {
  const passed: Record<string, string> = {
    "accept-encoding": acceptsGzip(single(headers["accept-encoding"])) ? "gzip, identity" : "identity",
  };
  if (options.keepAuthorization) pass(headers, "authorization", passed);
  for (const name of aiRequestHeaderNames) pass(headers, name, passed);
  if (options.alsoPass !== undefined && options.alsoPass.length > 0) {
    for (const name in headers)
      if (isListed(name, options.alsoPass) && mayLeave(name)) pass(headers, name, passed);
  }
  return passed;
}

function pass(headers: MessageHeaders, name: string, passed: Record<string, string>): void {
  const value = single(headers[name]);
  if (value !== undefined) passed[name] = value;
}

function isListed(name: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) =>
    pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
  );
}

function mayLeave(name: string): boolean {
  return !hopByHopHeaders.has(name) && !privateHeader.test(name) && !name.startsWith(":");
}

export interface AiResponseOptions {
  /** The body goes to the client byte by byte, so what describes it goes along; else the engine describes its own. */
  readonly keepBodyHeaders: boolean;
  /** Further headers to pass: names in lower case, or beginnings followed by `*`. Cookies never pass. */
  readonly alsoPass?: readonly string[];
}

/**
 * What clients can use of an AI vendor's answer: when to try again, how much is left, what to quote to support. Not:
 * cookies, the vendor's CORS, HSTS and caching rules (which are about its origin, not ours), and account names.
 */
const aiResponseHeader =
  /^(?:retry-after(?:-ms)?|x-should-retry|deprecation|sunset|(?:.*-)?ratelimit(?:-.*)?|(?:.*-)?request-?id|(?:.*-)?processing-ms)$/;

const bodyHeader = /^content-(?:type|encoding|length|language)$/;

/** A vendor's headers as the client gets them, by an allow-list. The record is the caller's to add to. */
export function aiResponseHeaders(headers: MessageHeaders, options: AiResponseOptions): ReplyHeaders {
  const passed: ReplyHeaders = {};
  for (const name in headers) {
    const value = name === "content-length" ? soundLength(headers) : headers[name];
    if (value !== undefined && reachesClient(name, options)) passed[name] = value;
  }
  return passed;
}

function reachesClient(name: string, { keepBodyHeaders, alsoPass = [] }: AiResponseOptions): boolean {
  if (bodyHeader.test(name)) return keepBodyHeaders;
  if (aiResponseHeader.test(name)) return true;
  return isListed(name, alsoPass) && !hopByHopHeaders.has(name) && !name.startsWith("set-cookie");
}

/**
 * Whether an answer to a request with this Accept-Encoding may be gzip (RFC 9110, section 12.5.3): named with a
 * weight above 0, or covered by `*` and not named. Without the header: no, though the RFC would allow it; clients
 * that cannot inflate are the ones that do not send it. A weight that cannot be read counts as 0.
 */
export function acceptsGzip(acceptEncoding: string | undefined): boolean {
  if (acceptEncoding === undefined) return false;
  let byName: boolean | undefined;
  let byStar = false;
  for (const part of acceptEncoding.toLowerCase().split(",")) {
    const [coding = "", ...parameters] = part.split(";").map((piece) => piece.trim());
    const isWanted = parameters.every((parameter) => !parameter.startsWith("q") || isPositive(parameter));
    // x-gzip is an old name of gzip (RFC 9110, section 8.4.1.3).
    if (coding === "gzip" || coding === "x-gzip") byName = isWanted && byName !== false;
    else if (coding === "*") byStar = isWanted;
  }
  return byName ?? byStar;
}

function isPositive(weight: string): boolean {
  const [, digits] = /^q\s*=\s*(1(?:\.0{0,3})?|0(?:\.\d{0,3})?)$/.exec(weight) ?? [];
  return Number(digits ?? 0) > 0;
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(", ") : value;
}
