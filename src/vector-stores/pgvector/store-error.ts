/** What went wrong with the server, as the operator is told: what, where, and what to do about it. */
import { StoreError, type StoreErrorKind } from "../../util/store-error.ts";
import { WrongDataError } from "./rows.ts";
import { sqlStateOf } from "./server-error.ts";
import type { Settings } from "./settings.ts";
import { grants, quoted, tables } from "./tables.ts";
import { ClientFileError } from "./tls.ts";

interface Diagnosis {
  readonly kind: StoreErrorKind;
  /** What to do; absent where the server's own words say all there is to say. */
  readonly advice?: string;
}

/** Anything that a call can fail with, as the family's error. The cause is kept. */
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
    `no answer within ${settings.timeoutMs} ms (vectordb.pgvector.timeout)`,
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
  if (error instanceof WrongDataError) return { kind: "corrupt", advice: remake };
  if (error instanceof ClientFileError) return { kind: "denied" };
  const state = sqlStateOf(error);
  return state === undefined ? diagnoseConnection(error, settings) : diagnoseState(state, error, settings);
}

const remake = `what is stored is not what Sluice stored; dropping the tables ${tables.join(", ")} makes it store its vectors anew`;

/** By SQLSTATE, and where that has no row, by its first two characters (PostgreSQL's Appendix A). */
const byState: Readonly<Record<string, (settings: Settings) => Diagnosis>> = {
  "25006": () => ({
    kind: "denied",
    advice: "the server is a standby or read-only; set vectordb.pgvector.host to the primary",
  }),
  "28P01": () => ({
    kind: "denied",
    advice: "set vectordb.pgvector.user and vectordb.pgvector.password to what the server knows",
  }),
  "3D000": ({ database, user }) => ({
    kind: "unfit",
    advice: `create it with: CREATE DATABASE ${quoted(database)} OWNER ${quoted(user)}; or set vectordb.pgvector.database`,
  }),
  "42501": ({ user }) => ({ kind: "denied", advice: `as an administrator, run: ${grants(user)}` }),
  "53100": () => ({ kind: "denied", advice: "make room on the server's disk" }),
  "53300": () => ({
    kind: "unreachable",
    advice: "raise max_connections on the server, or put a pooler such as PgBouncer before it",
  }),
  "57014": ({ timeoutMs }) => ({
    kind: "unreachable",
    advice: `the bound was ${timeoutMs} ms (vectordb.pgvector.timeout)`,
  }),
  "0A": () => ({ kind: "unfit" }),
  "22": () => ({ kind: "corrupt", advice: remake }),
  "23": () => ({ kind: "corrupt", advice: remake }),
  "28": () => ({ kind: "denied" }),
  "42": () => ({ kind: "corrupt", advice: remake }),
  "54": () => ({ kind: "unfit" }),
  XX001: () => ({ kind: "corrupt", advice: remake }),
  XX002: () => ({ kind: "corrupt", advice: remake }),
};

function diagnoseState(state: string, error: unknown, settings: Settings): Diagnosis {
  if (state.startsWith("28")) {
    const words = firstLine(error);
    if (/no encryption/.test(words))
      return { kind: "denied", advice: "if it asks for TLS, set vectordb.pgvector.ssl to true" };
    if (/client certificate|certificate authentication/.test(words)) {
      return {
        kind: "denied",
        advice:
          "set vectordb.pgvector.ssl_cert and ssl_cert_key to a certificate that the server accepts for this user",
      };
    }
  }
  const find = byState[state] ?? byState[state.slice(0, 2)];
  return find?.(settings) ?? { kind: "unreachable" };
}

/** The server's certificate was looked at and refused (OpenSSL's X509_V_ERR_*, by Node's names for them). */
const refusedCertificate =
  /^(?:CERT_|CRL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|INVALID_|PATH_LENGTH_|HOSTNAME_MISMATCH|ERR_TLS_CERT_)/;

function diagnoseConnection(error: unknown, { host, port }: Settings): Diagnosis {
  const code = codeOf(error);
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return {
      kind: "denied",
      advice: "set vectordb.pgvector.host to a name that the server's certificate has",
    };
  }
  if (refusedCertificate.test(code)) {
    return {
      kind: "denied",
      advice:
        "the server's certificate is not trusted; put the certificate of its authority into the file that the environment's " +
        "NODE_EXTRA_CA_CERTS names, or set vectordb.pgvector.ssl_verify to false",
    };
  }
  if (/^ERR_(?:SSL|OSSL)|^EPROTO$/.test(code)) {
    return {
      kind: "denied",
      advice:
        "the two sides agree on no TLS connection; look at vectordb.pgvector.ssl_version and ssl_cert, and at the server's log",
    };
  }
  if (code === "ENOTFOUND" || code === "EAI_AGAIN")
    return { kind: "unreachable", advice: "vectordb.pgvector.host does not resolve" };
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
