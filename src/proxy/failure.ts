/** What a client is told when no answer came, in nginx's statuses. */
import { GatewayError } from "../errors.ts";
import type { UpstreamError } from "../http/upstream-error.ts";

export function upstreamClientError(error: UpstreamError): GatewayError {
  if (error.isNameResolution) return new GatewayError("name_resolution", {}, { cause: error });
  return new GatewayError(
    error.kind === "timeout" ? "upstream_timeout" : "upstream_unreachable",
    {},
    { cause: error },
  );
}
