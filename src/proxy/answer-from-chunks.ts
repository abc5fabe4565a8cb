/** A stream's chunks put together to the answer that would have come without streaming, for records. */
import { isJsonObject, type JsonObject, type JsonValue } from "../llm/json.ts";

/** `chat.completion`, as far as the chunks go. Chunks that are no JSON objects count for nothing. */
export function answerFromChunks(chunks: readonly string[]): JsonObject {
  const head: Record<string, JsonValue | undefined> = { object: "chat.completion" };
  const choices = new Map<number, ChoiceParts>();
  for (const chunk of chunks.map(parse)) {
    for (const [name, value] of Object.entries(chunk))
      if (name !== "choices" && name !== "object" && value !== null) head[name] = value;
    for (const choice of objectsIn(chunk["choices"])) {
      const index = typeof choice["index"] === "number" ? choice["index"] : 0;
      const parts = choices.get(index) ?? { message: {}, calls: new Map(), finishReason: null };
      choices.set(index, parts);
      addChoice(parts, choice);
    }
  }
  return {
    ...head,
    choices: [...choices].sort(([a], [b]) => a - b).map(([index, parts]) => whole(index, parts)),
  };
}

type Parts = Record<string, JsonValue | undefined>;

interface ChoiceParts {
  readonly message: Parts;
  /** By their position. */
  readonly calls: Map<number, Parts>;
  finishReason: JsonValue;
}

function addChoice(parts: ChoiceParts, choice: JsonObject): void {
  const { delta, finish_reason: finishReason } = choice;
  if (finishReason !== undefined && finishReason !== null) parts.finishReason = finishReason;
  if (!isJsonObject(delta)) return;
  const { tool_calls: calls, ...message } = delta;
  add(parts.message, message);
  for (const [at, { index, ...call }] of objectsIn(calls).entries()) {
    const position = typeof index === "number" ? index : at;
    const known = parts.calls.get(position) ?? {};
    parts.calls.set(position, known);
    add(known, call);
  }
}

/** Words that are said once, however often a chunk says them. */
const constants = new Set(["role", "id", "type"]);

function add(parts: Parts, more: JsonObject): void {
  for (const [name, value] of Object.entries(more)) {
    const known = parts[name];
    if (value === null || value === undefined) parts[name] ??= value;
    else if (isJsonObject(value)) {
      const inner: Parts = isJsonObject(known) ? { ...known } : {};
      add(inner, value);
      parts[name] = inner;
    } else if (typeof value === "string" && typeof known === "string" && !constants.has(name))
      parts[name] = known + value;
    else parts[name] = value;
  }
}

function whole(index: number, { calls, finishReason, message }: ChoiceParts): JsonObject {
  const toolCalls = [...calls].sort(([a], [b]) => a - b).map(([, call]) => call);
  return {
    index,
    message: toolCalls.length === 0 ? message : { ...message, tool_calls: toolCalls },
    finish_reason: finishReason,
  };
}

function objectsIn(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

function parse(chunk: string): JsonObject {
  const value: unknown = JSON.parse(chunk); // our decoders wrote it
  return isJsonObject(value) ? value : {};
}
