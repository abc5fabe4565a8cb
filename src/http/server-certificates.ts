/** Which certificate a client is shown: found by the name it asks for, in a table that is made once for a config. */
import { createHash } from "node:crypto";
import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";
import { findByServerName } from "./server-name.ts";

/** A certificate as servers show it. One key each: node takes no second one from the context of a name. */
export interface ServedCertificate {
  /** What an error calls it. */
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
  /** Equal for equal certificates under equal names. No key can be read from it. */
  readonly content: string;
  /** What has been made of each certificate, by its content: making one takes a millisecond. */
  readonly contexts: ReadonlyMap<string, SecureContext>;
}

/** The oldest version that clients may speak: `ssl_protocols` of Kong's default, TLSv1.2 and TLSv1.3. */
export const minTlsVersion = "TLSv1.2";

/**
 * Makes the table. Of two certificates with the same name the first counts. `fallback` is shown to whoever gets none of the
 * others. What `previous` has of the same content is taken over. Throws an `Error` that names the certificate with which no
 * handshake could be made.
 */
export function compileServerCertificates(
  certificates: readonly ServedCertificate[],
  fallback?: ServedCertificate,
  previous?: ServerCertificates,
): ServerCertificates {
  const contexts = new Map<string, SecureContext>();
  const byName = new Map<string, SecureContext>();
  const contextOf = (certificate: ServedCertificate): SecureContext => {
    const key = hash([certificate.cert, certificate.key]);
    const context = contexts.get(key) ?? previous?.contexts.get(key) ?? createContext(certificate);
    contexts.set(key, context);
    return context;
  };
  for (const certificate of certificates) {
    if (certificate.serverNames.length === 0) continue;
    const context = contextOf(certificate);
    for (const name of certificate.serverNames.map((each) => each.toLowerCase()))
      if (!byName.has(name)) byName.set(name, context);
  }
  const fallbackContext = fallback === undefined ? undefined : contextOf(fallback);
  const everybody = certificates.find(({ serverNames }) => serverNames.includes("*")) ?? fallback;
  return {
    contextFor: (serverName) => findByServerName(byName, serverName) ?? fallbackContext,
    unnamed: everybody === undefined ? { minVersion: minTlsVersion } : optionsOf(everybody),
    hasUnnamed: everybody !== undefined,
    content: hash([certificates, fallback]),
    contexts,
  };
}

function hash(content: unknown): string {
  return createHash("sha256").update(JSON.stringify(content)).digest("hex");
}

function createContext(certificate: ServedCertificate): SecureContext {
  try {
    return createSecureContext(optionsOf(certificate));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${certificate.name} cannot be shown to clients: ${reason}`, { cause });
  }
}

function optionsOf({ cert, key }: ServedCertificate): SecureContextOptions {
  return { cert, key, minVersion: minTlsVersion };
}
