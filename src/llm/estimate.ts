/** Token counts for when no vendor gave any, by the factors Kong documents for this case. Always flagged as estimates. */
import type { ChatRequest } from "./chat.ts";
import { messageText } from "./prompt-text.ts";
import type { Usage } from "./usage.ts";

const tokensPerWord = 1.8;
const charactersPerToken = 4;

/** An estimate from the request's words and the number of characters that were answered. */
export function estimateUsage(request: ChatRequest, answeredCharacters: number): Usage {
  let words = 0;
  for (const message of request.messages)
    words += messageText(message)
      .split(/\s+/)
      .filter((word) => word !== "").length;
  return {
    inputTokens: Math.round(words * tokensPerWord),
    outputTokens: Math.ceil(answeredCharacters / charactersPerToken),
    estimated: true,
  };
}

const contentKey = '"content":"';

/** Characters of the first text in an answer's or chunk's JSON, without parsing it; close enough for an estimate. */
export function firstContentLength(json: string): number {
  const start = json.indexOf(contentKey);
  if (start === -1) return 0;
  const first = start + contentKey.length;
  for (let end = json.indexOf('"', first); end !== -1; end = json.indexOf('"', end + 1)) {
    if (json.charCodeAt(end - 1) !== 92) return end - first;
  }
  return 0;
}
