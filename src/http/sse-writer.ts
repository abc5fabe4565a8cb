/** Writes server-sent events the way OpenAI's clients read them: `data` lines only. */
import { isJsonObject } from "../llm/json.ts";

/** The end of a complete answer. Never sent after an error. */
export const sseDone = "data: [DONE]\n\n";

/** One event. `json` must have no line breaks, as `JSON.stringify` gives it; otherwise the event would end early. */
export function sseData(json: string): string {
  return `data: ${json}\n\n`;
}

/**
 * The event that ends a broken stream. `body` is an error body as an answer would carry it.
 *
 * The OpenAI SDKs raise an APIError for an event whose JSON has a truthy `error`, and take the message from it; they
 * look at the `event:` field only for names that begin with `thread.`, and browsers' EventSource hands unnamed events
 * to `onmessage`. So it is an unnamed event, always with an `error` object in it: a body of another shape is wrapped.
 */
export function sseError(body: string): string {
  return sseData(JSON.stringify(asErrorBody(body)));
}

function asErrorBody(body: string): unknown {
  const parsed = parse(body);
  if (!isJsonObject(parsed)) return { error: { message: body, type: "server_error" } };
  if (parsed["error"]) return parsed;
  return { error: { type: "server_error", message: "the stream failed", ...parsed } };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Not JSON: the caller wraps the text itself.
  }
}
