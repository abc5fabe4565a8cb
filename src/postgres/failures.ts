/** What went wrong with the server, as the operator is told: what, where, and what to do about it. */
import { StoreError, type StoreErrorKind } from "../util/store-error.ts";
import { WrongDataError } from "./rows.ts";
import { sqlStateOf } from "./server-error.ts";
import type { Settings } from "./settings.ts";
import { quoted } from "./sql-name.ts";
import { ClientFileError } from "./tls.ts";

interface Diagnosis {
  readonly kind: StoreErrorKind;
  /** What to do; absent where the server's own words say all there is to say. */
  readonly advice?: string;
}

/** Anything that a call can fail with, as the error of all stores. The cause is kept. */
export function toStoreError(error: unknown, settings: Settings): StoreError {
  if (error instanceof StoreError) return error;
  const { kind, advice } = diagnose(error, settings);
  const state = sqlStateOf(error);
  const what = `${firstLine(error)}${state === undefined ? "" : ` (SQLSTATE ${state})`}`;
  return failure(settings, kind, advice === undefined ? what : `${what}: ${advice}`, error);
}

/** The deadline has passed. */
export function timedOut(settings: Settings): StoreError {
  return failure(
    settings,
    "unreachable",
    `no answer within ${settings.timeoutMs} ms (${settings.owner.block}.timeout)`,
  );
}

export function failure(
  settings: Settings,
  kind: StoreErrorKind,
  message: string,
  cause?: unknown,
): StoreError {
  return new StoreError(kind, `${settings.place}: ${message}`, { cause });
}

function diagnose(error: unknown, settings: Settings): Diagnosis {
  if (error instanceof WrongDataError) return spoiled(settings);
  if (error instanceof ClientFileError) return { kind: "denied" };
  const state = sqlStateOf(error);
  return state === undefined ? diagnoseConnection(error, settings) : diagnoseState(state, error, settings);
}

function spoiled({ owner }: Settings): Diagnosis {
  return { kind: "corrupt", advice: owner.remake };
}

/** By SQLSTATE, and where that has no row, by its first two characters (PostgreSQL's Appendix A). */
const byState: Readonly<Record<string, (settings: Settings) => Diagnosis>> = {
  "25006": ({ owner }) => ({
    kind: "denied",
    advice: `the server is a standby or read-only; set ${owner.block}.host to the primary`,
  }),
  "28P01": ({ owner }) => ({
    kind: "denied",
    advice: `set ${owner.block}.user and ${owner.block}.password to what the server knows`,
  }),
  "3D000": ({ database, user, owner }) => ({
    kind: "unfit",
    advice: `create it with: CREATE DATABASE ${quoted(database)} OWNER ${quoted(user)}; or set ${owner.block}.database`,
  }),
  "42501": ({ user, owner }) => ({
    kind: "denied",
    advice: `as an administrator, run: ${owner.grants(user)}`,
  }),
  "53100": () => ({ kind: "denied", advice: "make room on the server's disk" }),
  "53300": () => ({
    kind: "unreachable",
    advice: "raise max_connections on the server, or put a pooler such as PgBouncer before it",
  }),
  "57014": ({ timeoutMs, owner }) => ({
    kind: "unreachable",
    advice: `the bound was ${timeoutMs} ms (${owner.block}.timeout)`,
  }),
  "0A": () => ({ kind: "unfit" }),
  "22": spoiled,
  "23": spoiled,
  "28": () => ({ kind: "denied" }),
  "42": spoiled,
  "54": () => ({ kind: "unfit" }),
  XX001: spoiled,
  XX002: spoiled,
};

function diagnoseState(state: string, error: unknown, settings: Settings): Diagnosis {
  const { block } = settings.owner;
  if (state.startsWith("28")) {
    const words = firstLine(error);
    if (/no encryption/.test(words))
      return { kind: "denied", advice: `if it asks for TLS, set ${block}.ssl to true` };
    if (/client certificate|certificate authentication/.test(words)) {
      return {
        kind: "denied",
        advice: `set ${block}.ssl_cert and ssl_cert_key to a certificate that the server accepts for this user`,
      };
    }
  }
  const find = byState[state] ?? byState[state.slice(0, 2)];
  return find?.(settings) ?? { kind: "unreachable" };
}

/** The server's certificate was looked at and refused (OpenSSL's X509_V_ERR_*, by Node's names for them). */
const refusedCertificate =
  /^(?:CERT_|CRL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|INVALID_|PATH_LENGTH_|HOSTNAME_MISMATCH|ERR_TLS_CERT_)/;

function diagnoseConnection(error: unknown, { host, port, owner: { block } }: Settings): Diagnosis {
  const code = codeOf(error);
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return {
      kind: "denied",
      advice: `set ${block}.host to a name that the server's certificate has`,
    };
  }
  if (refusedCertificate.test(code)) {
    return {
      kind: "denied",
      advice:
        "the server's certificate is not trusted; put the certificate of its authority into the file that the environment's " +
        `NODE_EXTRA_CA_CERTS names, or set ${block}.ssl_verify to false`,
    };
  }
  if (/^ERR_(?:SSL|OSSL)|^EPROTO$/.test(code)) {
    return {
      kind: "denied",
      advice: `the two sides agree on no TLS connection; look at ${block}.ssl_version and ssl_cert, and at the server's log`,
    };
  }
  if (code === "ENOTFOUND" || code === "EAI_AGAIN")
    return { kind: "unreachable", advice: `${block}.host does not resolve` };
  if (code === "ECONNREFUSED")
    return { kind: "unreachable", advice: `nothing listens on port ${port} of ${host}` };
  return { kind: "unreachable" };
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

/** Node tries all addresses of a name and gathers their errors in one that has no words of its own. */
function firstLine(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") return firstLine(error.errors[0]);
  const message = error instanceof Error ? error.message : String(error);
  return message.split("\n", 1)[0] ?? "";
}
