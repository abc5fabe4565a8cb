/** Reads a client's chat request: what is wrong with it, and nothing else. Errors are Kong's, word for word. */
import { GatewayError } from "../errors.ts";
import type { ChatRequest } from "../llm/chat.ts";
import { isJsonObject, type JsonObject } from "../llm/json.ts";

const jsonType = /^application\/(?:[\w.!#$&^-]+\+)?json\s*(?:;|$)/i;

/** The body as an object, or `bad_body`. A missing Content-Type is taken for JSON, a wrong one is not. */
export function parseJsonBody(bytes: Buffer, contentType: string | undefined): JsonObject {
  if (contentType !== undefined && !jsonType.test(contentType)) throw new GatewayError("bad_body");
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch (cause) {
    throw new GatewayError("bad_body", {}, { cause });
  }
  if (!isJsonObject(value)) throw new GatewayError("unknown_format");
  return value;
}

/** The same object, known to be a chat request. */
export function asChatRequest(body: JsonObject): ChatRequest {
  const { messages, prompt } = body as { messages?: unknown; prompt?: unknown };
  const hasMessages = Array.isArray(messages) && messages.length > 0;
  const hasPrompt = typeof prompt === "string";
  if (hasMessages && hasPrompt) throw new GatewayError("two_formats");
  if (hasPrompt)
    throw new GatewayError("wrong_format", { found: "llm/v1/completions", expected: "llm/v1/chat" });
  if (!hasMessages) throw new GatewayError("no_prompt");
  for (const message of messages) {
    if (!isJsonObject(message) || typeof message["role"] !== "string")
      throw new GatewayError("unknown_format");
  }
  return body as ChatRequest; // checked above: `messages` is all that the type promises
}
