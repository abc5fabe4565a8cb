/** What every adapter needs to read other people's JSON without trusting it. */
import { GatewayError } from "../errors.ts";
import type { ChatRequest } from "../llm/chat.ts";
import { isJsonObject } from "../llm/json.ts";

/**
 * Said to the client when a stream event cannot be read. It starts with the text of Kong's published frame, and never
 * quotes the event: that may be a piece of the answer.
 */
export const undecodableEvent =
  "empty or unsupported transformer response: the upstream sent a stream event that is not valid JSON";

/** A count of tokens: whole and not negative, also where it was sent as text. Anything else is undefined, never NaN. */
export function readTokenCount(value: unknown): number | undefined {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof number !== "number" || !Number.isFinite(number) || number < 0) return undefined;
  return Math.floor(number);
}

/** A text with something in it; undefined for all else. */
export function readText(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** The items of a list; none where there is no list. */
export function readArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Undefined where the text is not JSON (JSON itself has no undefined). */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The sentence in a vendor's error, which vendors put in `error.message`, `error` or `message`. */
export function readErrorMessage(body: unknown): string {
  const unknown = "the upstream reported an error and gave no reason";
  if (!isJsonObject(body)) return unknown;
  const error = body["error"];
  if (isJsonObject(error)) return readText(error["message"]) ?? readText(error["type"]) ?? unknown;
  return readText(error) ?? readText(body["message"]) ?? unknown;
}

/**
 * Puts the fields of `extra_body` (parameters only one vendor knows) beside the others. They fill gaps and replace
 * nothing, so that nobody gets past the limits that the config has put on the request.
 */
export function mergeExtraBody(request: ChatRequest): ChatRequest {
  const { extra_body: extra, ...rest } = request;
  if (!isJsonObject(extra)) return request;
  // The spread keeps `messages` of the request; the compiler does not follow that through an index signature.
  return { ...extra, ...rest } as ChatRequest;
}

/** The smaller of a client's two ways to limit the output; undefined where neither is a number. */
export function readOutputLimit(request: ChatRequest): number | undefined {
  const limits = [request.max_tokens, request.max_completion_tokens].filter(
    (limit) => typeof limit === "number",
  );
  return limits.length === 0 ? undefined : Math.min(...limits);
}

/** The error for a request that one vendor's API has no words for. */
export function untranslatable(provider: string, reason: string): GatewayError {
  return new GatewayError("untranslatable", { provider, routeType: "llm/v1/chat", reason });
}

/** The error for an answer that came with status 200 and is none. */
export function unusableAnswer(provider: string, reason: string): GatewayError {
  return new GatewayError("upstream_unusable", { provider, routeType: "llm/v1/chat", reason });
}

/** A client's word as it may stand in an error: quoted, and short enough not to be a prompt. */
export function quote(value: unknown): string {
  const text = typeof value === "string" ? value : typeof value;
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
