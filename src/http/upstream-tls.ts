/** How an upstream is to prove who it is, and how we do. */
import { createHash } from "node:crypto";

export interface ClientCertificate {
  /** PEM, with those that vouch for it. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
}

export interface TlsSettings {
  /** Take the upstream only with a certificate that is good for its name. */
  readonly verify: boolean;
  /** PEM of the authorities that are trusted; undefined: those that Node.js knows. */
  readonly authorities?: readonly string[] | undefined;
  /** Shown to the upstream. */
  readonly clientCertificate?: ClientCertificate | undefined;
  /** Asked for (SNI) and expected in the certificate, whatever the Host header. */
  readonly serverName?: string | undefined;
}

export interface UpstreamTls extends TlsSettings {
  /** Equal for equal settings: connections are kept by it. No key can be read from it. */
  readonly id: string;
}

/** Undefined for what every upstream gets anyway: its certificate is checked, and none is shown. */
export function createUpstreamTls(settings: TlsSettings): UpstreamTls | undefined {
  const { authorities, clientCertificate, serverName, verify } = settings;
  if (verify && authorities === undefined && clientCertificate === undefined && serverName === undefined)
    return undefined;
  const content = JSON.stringify([verify, authorities, clientCertificate, serverName]);
  return { ...settings, id: createHash("sha256").update(content).digest("hex") };
}
