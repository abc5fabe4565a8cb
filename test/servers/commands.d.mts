import type { Installed, ServerName } from "./installed.mjs";

export declare const database: string;

/** Paths of the certificates in test/fixtures/tls. */
export declare const certificates: {
  readonly ca: string;
  /** An authority that signed none of the others. */
  readonly otherCa: string;
  readonly serverCertificate: string;
  readonly serverKey: string;
  readonly clientCertificate: string;
  readonly clientKey: string;
};

export interface ServerSettings {
  /** None: no password is asked for. */
  readonly password?: string;
  /** Redis and Valkey: the one account there is. PostgreSQL's is `postgres`. */
  readonly user?: string;
  /** Serves TLS with the certificate of test/fixtures/tls. PostgreSQL: "optional" takes plain connections too. */
  readonly tls?: boolean | "optional";
  /** PostgreSQL: a client must show a certificate that names its user. Means TLS. */
  readonly clientCertificates?: boolean;
  /** More of the server's own command line. */
  readonly args?: readonly string[];
}

export interface ServerCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly options: {
    readonly cwd: string;
    readonly uid?: number;
    readonly gid?: number;
    readonly env?: NodeJS.ProcessEnv;
  };
}

export declare function prepareServer(
  options: ServerSettings & {
    name: ServerName;
    installed: Installed;
    folder: string;
    port: number;
    /** PostgreSQL: a folder for what all new servers begin with, made by the first that needs it. None: each makes its own. */
    template?: string;
  },
): Promise<ServerCommand>;

export declare function endingWithUs(command: ServerCommand): ServerCommand;

export declare function emptyServer(options: { folder: string }): void;

export declare function urlOf(
  options: Pick<ServerSettings, "password" | "user" | "tls"> & {
    name: ServerName;
    port: number;
    host?: string;
  },
): string;
