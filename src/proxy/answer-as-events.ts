/** A whole answer told as a stream, for upstreams that answer JSON where a stream was asked. */

import { sseData, sseDone } from "../http/sse-writer.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../llm/json.ts";

/** One chunk with the whole message, one with the end, one with usage where asked, and `[DONE]`. */
export function answerAsEvents(answer: JsonObject, includeUsage: boolean): string {
  const base = {
    id: answer["id"],
    object: "chat.completion.chunk",
    created: answer["created"],
    model: answer["model"],
  };
  const choices = Array.isArray(answer["choices"]) ? answer["choices"].filter(isJsonObject) : [];
  const deltas = choices.map((choice, index) => ({
    index: choice["index"] ?? index,
    delta: deltaOf(choice["message"]),
    finish_reason: null,
  }));
  const ends = choices.map((choice, index) => ({
    index: choice["index"] ?? index,
    delta: {},
    finish_reason: choice["finish_reason"] ?? "stop",
  }));
  let text =
    sseData(JSON.stringify({ ...base, choices: deltas })) +
    sseData(JSON.stringify({ ...base, choices: ends }));
  if (includeUsage) text += sseData(JSON.stringify({ ...base, choices: [], usage: answer["usage"] ?? null }));
  return text + sseDone;
}

/** Tool calls of a chunk carry their position, those of a message do not. */
function deltaOf(message: JsonValue | undefined): JsonObject {
  if (!isJsonObject(message)) return {};
  const calls = message["tool_calls"];
  if (!Array.isArray(calls)) return message;
  return { ...message, tool_calls: calls.filter(isJsonObject).map((call, index) => ({ index, ...call })) };
}
