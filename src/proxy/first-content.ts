/** Tells a chunk that a client would wait for from one that only opens a stream. */
import { isJsonObject, type JsonValue } from "../llm/json.ts";

/**
 * Whether a `chat.completion.chunk` carries something of the answer: a delta with more than a role (text, a tool call,
 * a refusal, reasoning, sound), or a finish reason. What cannot be read counts, so that nothing waits for it.
 */
export function hasContent(json: string): boolean {
  let chunk: unknown;
  try {
    chunk = JSON.parse(json);
  } catch {
    return true;
  }
  if (!isJsonObject(chunk)) return true;
  const { choices } = chunk;
  return Array.isArray(choices) && choices.some(isTelling);
}

function isTelling(choice: JsonValue): boolean {
  if (!isJsonObject(choice)) return false;
  if (!isEmpty(choice["finish_reason"])) return true;
  const { delta } = choice;
  return (
    isJsonObject(delta) && Object.entries(delta).some(([name, value]) => name !== "role" && !isEmpty(value))
  );
}

function isEmpty(value: JsonValue | undefined): boolean {
  return (
    value === undefined || value === null || value === "" || (Array.isArray(value) && value.length === 0)
  );
}
