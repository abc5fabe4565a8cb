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
  /** Shown where no certificate of the config fits; asked anew for every config. Throws when it cannot be had. */
  readonly readFallback: () => ServedCertificate | undefined;
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
  options: SecureFrontOptions,
): Promise<SecureFront> {
  let current = compileServerCertificates(certificates, options.readFallback());
  const entrance = await listener.openSecure(options.at, {
    certificates: () => current,
    onFailure: tellFailures(options),
  });
  return {
    address: entrance.address,
    port: entrance.port,
    prepare: (next) => compileServerCertificates(next, options.readFallback(), current),
    take(next) {
      if (next.content === current.content) return; // so that clients can go on resuming their sessions
      current = next;
      entrance.renew();
    },
  };
}

/** A missing certificate is ours to see to; what else goes wrong is the client's affair. Neither fills the log. */
function tellFailures({ log, now }: SecureFrontOptions): (failure: HandshakeFailure) => void {
  const warn = createRareLine(log.warn, now);
  const debug = createRareLine(log.debug, now);
  return (failure) => {
    if (failure.kind === "broken") debug("a TLS handshake failed", { reason: failure.reason });
    else if (failure.serverName === undefined)
      warn(
        "TLS refused: there is no certificate for clients that name no server; set --ssl-cert, or an SNI *",
        {},
      );
    else {
      const { serverName } = failure;
      warn("TLS refused: there is no certificate for this server name, nor one for all others", {
        serverName,
      });
    }
  };
}
