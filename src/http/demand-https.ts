/** Tells a client that speaks plain HTTP, to a route that is for https alone, what to do. */
import { GatewayError } from "../errors.ts";
import type { ClientRequest } from "./exchange.ts";
import type { Reply } from "./reply.ts";

/** A name or an address in brackets, without its port. */
const namedHost = /^(\[[0-9a-f:.]+\]|[^\s,/@?#:[\]\\]+)(?::\d*)?$/i;

/**
 * Sends the client to the same place over https, on the port that is usual there, as Kong does. Throws `https_required` for
 * status 426, and where the client has not said which host it means. A proxy of ours in front may call us by another name than
 * the client called it: then `X-Forwarded-Host` counts.
 */
export function demandHttps({ headers, isTrusted, path, query }: ClientRequest, status: number): Reply {
  const meant = (isTrusted ? headers["x-forwarded-host"] : undefined) ?? headers["host"];
  const [, host] = namedHost.exec(meant?.toString() ?? "") ?? [];
  if (status === 426 || host === undefined || !path.startsWith("/"))
    throw new GatewayError("https_required", {}, { upgrade: "TLS/1.2, HTTP/1.1" });
  const location = `https://${host}${path}${query === "" ? "" : `?${query}`}`;
  return { status, headers: { location }, body: undefined };
}
