/** The ways a call of an upstream fails: in nginx's words for the rules, and by name for people. */

/** Why a call gave no answer, in the words of nginx's `proxy_next_upstream`. */
export type FailureKind = "error" | "timeout" | "invalid_header";

/**
 * The same, as exactly as it is known. reset: the connection was torn down (RST) · closed: it was ended in order, but too
 * early · head: the answer's status line and headers · not_sent: the request could not be put on the wire.
 */
export type FailureReason =
  | "refused"
  | "unreachable"
  | "dns"
  | "tls"
  | "not_sent"
  | "reset_before_head"
  | "closed_before_head"
  | "reset_after_head"
  | "closed_after_head"
  | "connect_timeout"
  | "write_timeout"
  | "read_timeout"
  | "invalid_header"
  | "invalid_body";

export class UpstreamError extends Error {
  readonly kind: FailureKind;
  /** False: nothing of the request has reached the upstream, so it is safe to send it elsewhere. */
  readonly sent: boolean;
  /** The host's name could not be resolved. */
  readonly isNameResolution: boolean;
  readonly reason: FailureReason;

  /** `hasHead`: the answer's head had come before. */
  constructor(kind: FailureKind, sent: boolean, cause: unknown, hasHead = false) {
    super(describe(cause), { cause });
    this.name = "UpstreamError";
    this.kind = kind;
    this.sent = sent;
    this.reason = reasonFor(kind, sent, cause, hasHead);
    this.isNameResolution = this.reason === "dns";
  }
}

/** What a timer of ours ends a connection with. */
export class UpstreamTimeout extends Error {
  readonly code: keyof typeof timeoutWords;

  constructor(code: UpstreamTimeout["code"], timeoutMs: number) {
    super(`${timeoutWords[code]} ${timeoutMs} ms`);
    this.name = "UpstreamTimeout";
    this.code = code;
  }
}

const timeoutWords = {
  CONNECT_TIMEOUT: "not connected within",
  WRITE_TIMEOUT: "nothing of the request was taken for",
  READ_TIMEOUT: "nothing came for",
} as const;

/** An error of the network or of the HTTP parser, named. */
export function toUpstreamError(cause: unknown, sent: boolean, hasHead: boolean): UpstreamError {
  return new UpstreamError(kindOf(cause), sent, cause, hasHead);
}

const timeoutCodes = new Set([...Object.keys(timeoutWords), "ETIMEDOUT"]);

function kindOf(cause: unknown): FailureKind {
  const code = codeOf(cause);
  if (timeoutCodes.has(code)) return "timeout";
  const isBadHeader =
    // undici's parser errors have a code only where llhttp gave one.
    (cause instanceof Error && cause.name === "HTTPParserError") ||
    code === "UND_ERR_HEADERS_OVERFLOW" ||
    code === "UND_ERR_RES_CONTENT_LENGTH_MISMATCH";
  return isBadHeader ? "invalid_header" : "error";
}

function reasonFor(kind: FailureKind, sent: boolean, cause: unknown, hasHead: boolean): FailureReason {
  if (kind === "timeout") return timeoutReason(sent, cause);
  if (kind === "invalid_header") return hasHead ? "invalid_body" : "invalid_header";
  if (!sent) return reasonUnsent(cause);
  const isReset = resetCodes.has(codeOf(cause));
  if (hasHead) return isReset ? "reset_after_head" : "closed_after_head";
  return isReset ? "reset_before_head" : "closed_before_head";
}

function timeoutReason(sent: boolean, cause: unknown): FailureReason {
  if (!sent) return "connect_timeout";
  return codeOf(cause) === "WRITE_TIMEOUT" ? "write_timeout" : "read_timeout";
}

const resetCodes = new Set(["ECONNRESET", "EPIPE"]);

/** By what the system, the resolver and OpenSSL say when a connection cannot be made. */
const unsentReasons: readonly (readonly [RegExp, FailureReason])[] = [
  [/^ECONNREFUSED$/, "refused"],
  [/^(?:ENOTFOUND|EAI_)/, "dns"],
  [/^(?:EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN|EADDRNOTAVAIL)$/, "unreachable"],
  // Node's names for OpenSSL's verdicts on certificates (X509_V_ERR_…), and its own for handshakes.
  [
    /^(?:EPROTO$|ERR_TLS_|ERR_SSL_|CERT_|CRL_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_|ERROR_IN_CERT_|INVALID_(?:CA|PURPOSE)|PATH_LENGTH_|HOSTNAME_MISMATCH)/,
    "tls",
  ],
];

function reasonUnsent(cause: unknown): FailureReason {
  const code = codeOf(cause);
  for (const [pattern, reason] of unsentReasons) if (pattern.test(code)) return reason;
  // Node's words where the other side hangs up in the middle of the handshake.
  if (cause instanceof Error && cause.message.includes("before secure TLS")) return "tls";
  return resetCodes.has(code) ? "reset_before_head" : "not_sent";
}

function codeOf(cause: unknown): string {
  const code: unknown = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : "";
  if (typeof code === "string" && code !== "") return code;
  // Node wraps the failures of several addresses of one host.
  if (cause instanceof AggregateError) return codeOf(cause.errors[0]);
  return "";
}

function describe(cause: unknown): string {
  const code = codeOf(cause);
  const message = cause instanceof Error ? cause.message : String(cause);
  return code === "" || message.includes(code) ? message : `${message || "failed"} (${code})`;
}
