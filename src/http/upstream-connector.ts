/** Makes connections to upstreams, with a timeout that is exact. */
import type { Socket } from "node:net";
import { buildConnector } from "undici";
import type { Schedule } from "../util/schedule.ts";
import { UpstreamTimeout } from "./upstream-error.ts";
import type { UpstreamTls } from "./upstream-tls.ts";

/**
 * `timeoutMs` covers the name, TCP and TLS. undici's own connect timeout is up to a second late. Without `tls` the
 * upstream's certificate is checked with the authorities that Node.js knows.
 */
export function createConnector(
  timeoutMs: number,
  schedule: Schedule,
  tls?: UpstreamTls,
): buildConnector.connector {
  const connect = buildConnector({ timeout: 0, ...(tls !== undefined && tlsOptions(tls)) });
  return (options, callback) => {
    const cancel = schedule(timeoutMs, () =>
      socket.destroy(new UpstreamTimeout("CONNECT_TIMEOUT", timeoutMs)),
    );
    // undici takes the server name from the Host header, before that of its options.
    const named = tls?.serverName === undefined ? options : { ...options, servername: tls.serverName };
    const socket = connect(named, (...result) => {
      cancel();
      callback(...result);
    }) as unknown as Socket; // undici's type leaves out that it returns the socket
  };
}

function tlsOptions({ authorities, clientCertificate, verify }: UpstreamTls): buildConnector.BuildOptions {
  return {
    rejectUnauthorized: verify,
    ...(authorities !== undefined && { ca: [...authorities] }),
    ...clientCertificate,
  };
}
