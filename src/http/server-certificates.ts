/** Which certificate a client is shown: found by the name it asks for, in a table that is made once for a config. */
import { constants, createHash } from "node:crypto";
import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";
import { findByServerName } from "./server-name.ts";

/** A certificate as servers show it. One key each: node takes no second one from the context of a name. */
export interface ServedCertificate {
  /** Its id, or the setting and the file it is from. */
  readonly name: string;
  /** PEM, with those that vouch for it after it. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
  /** Whom it is shown to: server names, of which the first or last label may be `*`; `*` alone: whoever gets no other. */
  readonly serverNames: readonly string[];
}

export interface ServerCertificates {
  /** What to show to a client that asks for this server name; undefined: nothing. */
  contextFor(serverName: string): SecureContext | undefined;
  /** For clients that ask for no name; without a certificate where nothing is to be shown to them. */
  readonly unnamed: SecureContextOptions;
  /** Something can be shown to clients that ask for no name. */
  readonly hasUnnamed: boolean;
  /** What has been made of each certificate, by its content, from which no key can be read: making one takes a millisecond. */
  readonly contexts: ReadonlyMap<string, SecureContext>;
}

/**
 * `ssl_protocols` of Kong's default, TLSv1.2 and TLSv1.3. No session is resumed: in TLS 1.2 node cannot say which name such a
 * client asks for, on which routes may depend, and in 1.3 a client could come back under a name that has no certificate.
 * Tried: OpenSSL takes a session up under any name, node keeps ticket keys for a server and not for a name, and a
 * `sessionIdContext` for each name changes neither. 1.2 cannot be left out alone: the flag is for both. The price is in
 * docs/guide/operating.md.
 */
const terms: SecureContextOptions = { minVersion: "TLSv1.2", secureOptions: constants.SSL_OP_NO_TICKET };

/**
 * Makes the table. Of two certificates with the same name the first counts. What `previous` has of the same content is taken
 * over. Throws an `Error` that names the certificate with which no handshake could be made.
 */
export function compileServerCertificates(
  certificates: readonly ServedCertificate[],
  previous?: ServerCertificates,
): ServerCertificates {
  const contexts = new Map<string, SecureContext>();
  const byName = new Map<string, SecureContext>();
  for (const certificate of certificates) {
    const key = contentOf(certificate);
    const context = contexts.get(key) ?? previous?.contexts.get(key) ?? createContext(certificate);
    contexts.set(key, context);
    for (const name of certificate.serverNames.map((each) => each.toLowerCase()))
      if (!byName.has(name)) byName.set(name, context);
  }
  const everybody = certificates.find(({ serverNames }) => serverNames.includes("*"));
  return {
    contextFor: (serverName) => findByServerName(byName, serverName),
    unnamed: everybody === undefined ? terms : optionsOf(everybody),
    hasUnnamed: everybody !== undefined,
    contexts,
  };
}

function contentOf({ cert, key }: ServedCertificate): string {
  return createHash("sha256")
    .update(JSON.stringify([cert, key]))
    .digest("hex");
}

function createContext(certificate: ServedCertificate): SecureContext {
  try {
    return createSecureContext(optionsOf(certificate));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`the certificate ${certificate.name} cannot be shown to clients: ${reason}`, { cause });
  }
}

function optionsOf({ cert, key }: ServedCertificate): SecureContextOptions {
  return { ...terms, cert, key };
}
