/** Anthropic's errors: the body, and the kind that goes with each status (https://docs.anthropic.com/en/api/errors). */
import type { IncomingHttpHeaders } from "node:http";
import type { JsonObject } from "../../../llm/json.ts";
import { type Surroundings, VendorError } from "../../endpoint.ts";

const types: Readonly<Record<number, string>> = {
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  504: "timeout_error",
  529: "overloaded_error",
};

/** `{"type":"error","error":{"type","message"},"request_id"}`. */
export function anthropicErrorBody(error: VendorError, requestId: string): JsonObject {
  return { ...describe(error), request_id: requestId };
}

export function anthropicErrorEvent(error: VendorError): string {
  return `event: error\ndata: ${JSON.stringify(describe(error))}\n\n`;
}

function describe(error: VendorError): JsonObject {
  const type =
    error.type ?? types[error.status] ?? (error.status < 500 ? "invalid_request_error" : "api_error");
  return { type: "error", error: { type, message: error.message } };
}

/** 400, with the place in Anthropic's notation (`messages.0.role`). */
export function invalid(place: string, message: string): VendorError {
  return new VendorError(400, `${place}: ${message}`);
}

/** Throws Anthropic's 401 unless the key is the right one, and its 400 without a version. */
export function checkAnthropicHeaders(headers: IncomingHttpHeaders, { apiKey }: Surroundings): void {
  const given = headers["x-api-key"];
  if (apiKey !== undefined && given === undefined) throw new VendorError(401, "x-api-key header is required");
  if (apiKey !== undefined && given !== apiKey) throw new VendorError(401, "invalid x-api-key");
  if (headers["anthropic-version"] === undefined)
    throw new VendorError(400, "anthropic-version: header is required");
}
