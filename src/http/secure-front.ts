/** A gateway's way in for TLS: the certificates of the running config, swapped with it, and what is said of failed handshakes. */
import type { Logger } from "../telemetry/logger.ts";
import { createRareLine } from "../telemetry/rare-line.ts";
import type { ConnectionSource, Place } from "./connection-source.ts";
import type { Listener, SecureEntrance } from "./listener.ts";
import {
  compileServerCertificates,
  type ServedCertificate,
  type ServerCertificates,
} from "./server-certificates.ts";
import type { HandshakeFailure } from "./tls-entrance.ts";

export interface SecureFrontOptions {
  /** Where to listen, or who else does. */
  readonly at: Place | ConnectionSource;
  readonly log: Logger;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

export interface SecureFront extends Pick<SecureEntrance, "address" | "port"> {
  /** Makes the table for a config. Throws, naming it, when a certificate can be shown to nobody. */
  prepare(certificates: readonly ServedCertificate[]): ServerCertificates;
  /** Handshakes show these from now on; connections that are open go on. */
  take(certificates: ServerCertificates): void;
}

/** Opens it on a listener. Rejects when a certificate can be shown to nobody, and when the address cannot be had. */
export async function openSecureFront(
  listener: Listener,
  certificates: readonly ServedCertificate[],
  { at, log, now }: SecureFrontOptions,
): Promise<SecureFront> {
  let current = compileServerCertificates(certificates);
  const entrance = await listener.openSecure(at, {
    certificates: () => current,
    onFailure: tellFailures(log, now),
  });
  return {
    address: entrance.address,
    port: entrance.port,
    prepare: (next) => compileServerCertificates(next, current),
    take(next) {
      current = next;
      entrance.renew();
    },
  };
}

/** A missing certificate is ours to see to; what else goes wrong is the client's affair. None of it fills the log. */
function tellFailures(log: Logger, now: () => number): (failure: HandshakeFailure) => void {
  const tellNamed = createRareLine(log.warn, now);
  const tellUnnamed = createRareLine(log.warn, now);
  const tellBroken = createRareLine(log.debug, now);
  return (failure) => {
    if (failure.kind === "broken") tellBroken("a TLS handshake failed", { reason: failure.reason });
    else if (failure.serverName === undefined)
      tellUnnamed(
        "TLS refused: there is no certificate for clients that name no server; set --ssl-cert, or an SNI *",
        {},
      );
    else
      tellNamed("TLS refused: there is no certificate for this server name, nor one for all others", {
        serverName: visible(failure.serverName),
      });
  };
}

/** A client can ask for anything, line ends and what moves a terminal's cursor included. */
function visible(serverName: string): string {
  return serverName.replace(/[^\x21-\x7e]/g, "?");
}
