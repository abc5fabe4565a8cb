/** Tells a client that speaks plain HTTP, to a route that is for https alone, what to do. */
import { GatewayError } from "../errors.ts";
import type { ClientRequest } from "./exchange.ts";
import type { Reply } from "./reply.ts";

/** A name or an address in brackets, without its port. */
const namedHost = /^(\[[0-9a-f:.]+\]|[^\s/@?#:[\]\\]+)(?::\d*)?$/i;

/**
 * Sends the client to the same place over https, on the port that is usual there, as Kong does. Throws `https_required` for
 * status 426, and where the client has not said which host it means.
 */
export function demandHttps({ headers, path, query }: ClientRequest, status: number): Reply {
  const [, host] = namedHost.exec(headers["host"]?.toString() ?? "") ?? [];
  if (status === 426 || host === undefined || !path.startsWith("/"))
    throw new GatewayError("https_required", {}, { upgrade: "TLS/1.2, HTTP/1.1" });
  const location = `https://${host}${path}${query === "" ? "" : `?${query}`}`;
  return { status, headers: { location }, body: undefined };
}
