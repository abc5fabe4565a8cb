/** Makes connections to upstreams, with a timeout that is exact. */
import type { Socket } from "node:net";
import { buildConnector } from "undici";
import type { Schedule } from "../util/schedule.ts";
import { UpstreamTimeout } from "./upstream-error.ts";

/** `timeoutMs` covers the name, TCP and TLS. undici's own connect timeout is up to a second late. */
export function createConnector(timeoutMs: number, schedule: Schedule): buildConnector.connector {
  const connect = buildConnector({ timeout: 0 });
  return (options, callback) => {
    const cancel = schedule(timeoutMs, () =>
      socket.destroy(new UpstreamTimeout("CONNECT_TIMEOUT", timeoutMs)),
    );
    const socket = connect(options, (...result) => {
      cancel();
      callback(...result);
    }) as unknown as Socket; // undici's type leaves out that it returns the socket
  };
}
