/** The way in for clients that speak TLS: takes connections as they were accepted, and passes on those that are secured. */
import type { Socket } from "node:net";
import { createServer, type SecureContext, type TLSSocket } from "node:tls";
import type { ServerCertificates } from "./server-certificates.ts";

/** Why a client did not get in. */
export type HandshakeFailure =
  /** There is no certificate for the name it asked for; undefined: it asked for none. */
  | { readonly kind: "no_certificate"; readonly serverName: string | undefined }
  /** It left, took too long, or speaks something else; in the words of node or OpenSSL. */
  | { readonly kind: "broken"; readonly reason: string };

export interface TlsEntranceOptions {
  /** Asked in every handshake. */
  readonly certificates: () => ServerCertificates;
  /** A connection on which the client's handshake has succeeded. */
  readonly onSecure: (socket: TLSSocket) => void;
  /** Must not throw. */
  readonly onFailure: (failure: HandshakeFailure) => void;
  /** Milliseconds. Default: 10 s. */
  readonly handshakeTimeoutMs?: number;
}

export interface TlsEntrance {
  /** A connection of which no byte has been read. */
  take(socket: Socket): void;
  /** The certificates are others now; connections that are open go on with theirs. */
  renew(): void;
  /** Ends every connection that came this way. */
  close(): void;
}

/** Two round trips and a signature; a choice. */
const defaultTimeoutMs = 10_000;

/** The fatal alert unrecognized_name (RFC 6066, section 3), not encrypted, since there are no keys yet. */
const unrecognizedName = Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x70]);

/** For a client that speaks HTTP without TLS: nginx's status and words, in the shape of the gateway's own errors. */
const wantsTls = plainReply("400 Bad Request", {
  message: "The plain HTTP request was sent to HTTPS port",
});

class NoCertificate extends Error {}

type NodeError = Error & { readonly code?: string };

/** HTTP/1.1 is what is offered (ALPN). */
export function createTlsEntrance(options: TlsEntranceOptions): TlsEntrance {
  const { certificates, onFailure, onSecure, handshakeTimeoutMs = defaultTimeoutMs } = options;
  const open = new Set<Socket>();
  // It listens nowhere: connections are given to it, so that whoever accepts them may be another process.
  const server = createServer({
    ...certificates().unnamed,
    ALPNProtocols: ["http/1.1"],
    handshakeTimeout: handshakeTimeoutMs,
    allowHalfOpen: true, // as for plain connections: a client may end its side and await the answer
    SNICallback(
      this: unknown,
      serverName: string,
      done: (error: Error | null, found?: SecureContext) => void,
    ) {
      const context = certificates().contextFor(serverName);
      if (context !== undefined) return done(null, context);
      // OpenSSL would say handshake_failure, which tells a client nothing. Node has no word for the right alert.
      connectionBelow(this)?.end(unrecognizedName);
      done(new NoCertificate(serverName));
    },
  });
  server.on("secureConnection", onSecure);
  server.on("tlsClientError", (error: NodeError, socket) => {
    if (error.code === "ERR_SSL_HTTP_REQUEST") connectionBelow(socket)?.end(wantsTls);
    socket.destroy();
    onFailure(failureOf(error, certificates()));
  });
  return {
    take(socket) {
      socket.setNoDelay(true);
      socket.setKeepAlive(true);
      socket.on("error", () => undefined); // the TLS connection on it reports it
      socket.once("close", () => open.delete(socket));
      open.add(socket);
      server.emit("connection", socket);
    },
    renew: () => server.setSecureContext(certificates().unnamed),
    close() {
      for (const socket of open) socket.destroy();
    },
  };
}

/** What OpenSSL says when there is nothing to show: in TLS 1.3, and in 1.2. */
const nothingToShow = ["ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM", "ERR_SSL_NO_SHARED_CIPHER"];

function failureOf(error: NodeError, { hasUnnamed }: ServerCertificates): HandshakeFailure {
  if (error instanceof NoCertificate) return { kind: "no_certificate", serverName: error.message };
  if (!hasUnnamed && nothingToShow.includes(error.code ?? ""))
    return { kind: "no_certificate", serverName: undefined };
  return { kind: "broken", reason: error.code ?? error.message };
}

/**
 * The TCP connection under a TLS connection, as node keeps it; undefined where it does not. Without it a client that is not
 * let in sees its connection closed, and no reason.
 */
function connectionBelow(secured: unknown): Socket | undefined {
  return (secured as { readonly _parent?: Socket } | undefined)?._parent; // not in node's types, since it is not documented
}

function plainReply(status: string, content: object): string {
  const body = JSON.stringify(content);
  const head = [
    `HTTP/1.1 ${status}`,
    "content-type: application/json; charset=utf-8",
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}
