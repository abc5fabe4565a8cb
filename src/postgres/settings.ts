/** A block of options for PostgreSQL as the connection code works with it. */
import { defaultTimeoutMs, type PostgresOptions } from "./options.ts";

/** Whose connection it is: what messages for the operator call things. */
export interface Owner {
  /** What we use the server as; a place begins with it: `pgvector`. */
  readonly name: string;
  /** Where its options stand: `vectordb.pgvector`. */
  readonly block: string;
  /** What to do when the tables hold something else than what we stored. */
  readonly remake: string;
  /** What lets a user read and write our tables, as SQL. */
  grants(user: string): string;
}

export interface Settings {
  /** Use and address without credentials, e.g. `pgvector at 127.0.0.1:5432/kong-pgvector`. */
  readonly place: string;
  readonly owner: Owner;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string | undefined;
  readonly database: string;
  /** Bound on each call. */
  readonly timeoutMs: number;
  /** Undefined: no TLS is asked for. */
  readonly tls: TlsSettings | undefined;
}

export interface TlsSettings {
  readonly isRequired: boolean;
  readonly isVerified: boolean;
  readonly minVersion: "TLSv1" | "TLSv1.2" | "TLSv1.3";
  /** Paths. */
  readonly client: { readonly certificate: string; readonly key: string } | undefined;
}

/** The largest delay of a timer, 24.8 days; also the largest `statement_timeout`. */
const longestTimeoutMs = 2 ** 31 - 1;

const minVersions = { any: "TLSv1", tlsv1_2: "TLSv1.2", tlsv1_3: "TLSv1.3" } as const;

export function toSettings(options: PostgresOptions, owner: Owner): Settings {
  const { host, port, user, password, database, timeout } = options;
  const shownHost = host.includes(":") ? `[${host}]` : host;
  return {
    place: `${owner.name} at ${shownHost}:${port}/${database}`,
    owner,
    host,
    port,
    user,
    password: password === "" ? undefined : password,
    database,
    timeoutMs: Math.min(longestTimeoutMs, Math.ceil(timeout) || defaultTimeoutMs),
    tls: options.ssl ? toTlsSettings(options) : undefined,
  };
}

function toTlsSettings(options: PostgresOptions): TlsSettings {
  const { ssl_cert: certificate, ssl_cert_key: key } = options;
  return {
    isRequired: options.ssl_required,
    isVerified: options.ssl_verify,
    minVersion: minVersions[options.ssl_version],
    client: certificate === undefined || key === undefined ? undefined : { certificate, key },
  };
}
