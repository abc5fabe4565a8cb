/** What the client library, the socket and the server say when something fails, in our words. */
import { StoreError, type StoreErrorKind } from "../util/store-error.ts";
import type { Address } from "./settings.ts";

interface Rule {
  readonly pattern: RegExp;
  readonly kind: StoreErrorKind;
  /** What it means and what to do; `{text}` is what was said. */
  readonly message: string;
}

/** Replies of servers, by how they begin. */
const replies: readonly Rule[] = [
  rule(/^WRONGPASS/, "denied", "refuses the user name or the password: check username and password"),
  rule(/^NOAUTH/, "denied", "asks for a password: set password (and username, where there are users)"),
  rule(
    /^ERR .*AUTH.*(without any password configured|no password is set)/i,
    "denied",
    "has no password, but one is configured: remove password, or set one on the server",
  ),
  rule(/^ERR invalid password/i, "denied", "refuses the password: check password"),
  rule(
    /^NOPERM/,
    "denied",
    "does not permit this user what is needed ({text}): permit the keys {keys} and the commands",
  ),
  rule(/^LOADING/, "unreachable", "is loading its data, and answers when it is done"),
  rule(/^(MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY)\b/, "unreachable", "cannot answer now ({text})"),
  rule(/^ERR max number of clients/i, "unreachable", "has as many clients as it takes ({text})"),
  rule(
    /^READONLY/,
    "unreachable",
    "is a replica and takes no writes: point host at the master, or find it through sentinel_nodes",
  ),
  rule(/^OOM/, "denied", "is out of memory: raise its maxmemory or free some"),
  rule(
    /^MISCONF/,
    "denied",
    "takes no writes because it cannot save its data: see the server's log ({text})",
  ),
  rule(/^NOREPLICAS/, "unreachable", "takes no writes because too few replicas are with it ({text})"),
  rule(/^WRONGTYPE/, "corrupt", "holds something else under our names ({text})"),
  rule(
    /^ERR (invalid DB index|DB index is out of range|SELECT is not allowed)/i,
    "unfit",
    "has no such database ({text}): check database",
  ),
  rule(/^(MOVED|ASK) /, "unfit", "is a node of a cluster: set cluster_nodes instead of host and port"),
];

/** Errors of Node and OpenSSL, by their code or text. */
const faults: readonly Rule[] = [
  rule(/ECONNREFUSED/, "unreachable", "refuses connections: is it running, and is this its port?"),
  rule(/ENOTFOUND|EAI_AGAIN|EAI_/, "unreachable", "cannot be found: the name does not resolve ({text})"),
  rule(/EHOSTUNREACH|ENETUNREACH|ETIMEDOUT/, "unreachable", "cannot be reached over the network ({text})"),
  rule(
    /wrong version number|packet length too long|ERR_SSL_|EPROTO/i,
    "unfit",
    "does not speak TLS on this port, or no version of it that we speak: set ssl to false or give its TLS port ({text})",
  ),
  rule(
    /ALTNAME_INVALID|does not match certificate/i,
    "denied",
    "shows a certificate for another name: set server_name to a name in it ({text})",
  ),
  rule(
    /CERT|SELF_SIGNED|UNABLE_TO_(VERIFY|GET)|certificate/i,
    "denied",
    "shows a certificate that is not trusted ({text}): give its authority to this process in NODE_EXTRA_CA_CERTS, " +
      "or set ssl_verify to false",
  ),
];

function rule(pattern: RegExp, kind: StoreErrorKind, message: string): Rule {
  return { pattern, kind, message };
}

/** The server answered with an error: the connection is well, and the command was refused. */
export class ErrorAnswer extends Error {}

/** The connection broke, or was dropped, before the answer had come: the call may be made again on another. */
export class ConnectionLost extends Error {
  readonly hasAnswered: boolean;

  /** A cause that is a `StoreError` tells the reason better than what the socket said. */
  constructor(message: string, options: { readonly hasAnswered: boolean; readonly cause: unknown }) {
    super(message, { cause: options.cause });
    this.hasAnswered = options.hasAnswered;
  }
}

/** Where a node of a cluster sends us; no host means its own (cluster specification, "MOVED redirection"). */
export function redirectionOf(error: unknown, from: Address): Address | undefined {
  if (!(error instanceof ErrorAnswer)) return undefined;
  const match = /^MOVED \d+ (.*):(\d+)$/.exec(error.message);
  if (match === null) return undefined;
  const host = match[1] === "" || match[1] === "?" ? from.host : (match[1] ?? from.host);
  return { host, port: Number(match[2]) };
}

/** Our slot is on its way to another node: until it has arrived, neither of the two has all of it. */
export function isMoving(error: unknown): boolean {
  return error instanceof ErrorAnswer && /^(ASK|TRYAGAIN) /.test(error.message);
}

/** A master that is none any more: whoever finds the master must look again. */
export function isReadOnly(error: unknown): boolean {
  return error instanceof ErrorAnswer && error.message.startsWith("READONLY");
}

/** The key holds something else than we put there. */
export function isWrongType(error: unknown): boolean {
  return error instanceof ErrorAnswer && error.message.startsWith("WRONGTYPE");
}

/** RediSearch's versions and valkey-search say it each in their way. */
export function isMissingIndex(error: unknown): boolean {
  return (
    error instanceof ErrorAnswer &&
    /no such index|unknown index|index.*(not found|does not exist)/i.test(error.message)
  );
}

/** The command is not there, or not for us; the server itself is well. */
export function isRefusal(error: unknown): boolean {
  if (!(error instanceof ErrorAnswer)) return false;
  return error.message.startsWith("NOPERM") || !replies.some(({ pattern }) => pattern.test(error.message));
}

/** What a message needs to know of the server it tells of. */
export interface Teller {
  readonly place: string;
  /** What our keys begin with. */
  readonly keyPrefix?: string;
  /** These never show up in the message. */
  readonly secrets?: readonly string[];
}

export function toStoreError(error: unknown, { place, keyPrefix = "", secrets = [] }: Teller): StoreError {
  if (error instanceof StoreError) return error;
  if (error instanceof ConnectionLost && error.cause instanceof StoreError) return error.cause;
  const raw = messageOf(error);
  const text = tell(raw, secrets);
  const { kind, message } = ruleFor(error, text);
  // A cause is printed with what it says.
  const options = text === raw ? { cause: error } : {};
  const told = message.replace("{text}", () => text).replace("{keys}", () => `${keyPrefix}*`);
  return new StoreError(kind, `${place} ${told}`, options);
}

function ruleFor(error: unknown, text: string): Omit<Rule, "pattern"> {
  if (error instanceof ErrorAnswer) {
    return (
      replies.find(({ pattern }) => pattern.test(text)) ?? { kind: "unfit", message: "answered: {text}" }
    );
  }
  if (error instanceof ConnectionLost) {
    const doubt = error.hasAnswered
      ? ""
      : " before it had answered anything; if its port speaks TLS, set ssl";
    return { kind: "unreachable", message: `closed the connection${doubt} ({text})` };
  }
  return (
    faults.find(({ pattern }) => pattern.test(text)) ?? { kind: "unreachable", message: "failed: {text}" }
  );
}

/** Redis repeats the arguments of a command it does not know; they are no one's business. */
function tell(raw: string, secrets: readonly string[]): string {
  let text = raw.replace(/,? with args beginning with.*$/s, "");
  for (const secret of secrets) if (secret !== "") text = text.replaceAll(secret, "***");
  return text.slice(0, 300);
}

/** Message and code; Node's error for several addresses has its reasons inside. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === "")
    return [...new Set(error.errors.map(messageOf))].join("; ");
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return code === "" || error.message.includes(code) ? error.message : `${code}: ${error.message}`;
}
