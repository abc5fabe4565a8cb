/**
 * Logged bodies as the attributes `gen_ai.input.messages` and `gen_ai.output.messages`. What has OpenAI's shape becomes
 * the conventions' (roles and parts); what a vendor writes in another shape stays as it was logged.
 */
import { isJsonObject, type JsonObject, type JsonValue } from "../../llm/json.ts";

/** Longer ones are cut: many spans may wait, and receivers take some ten or hundred thousand characters. A choice. */
const maxCharacters = 65_536;

export function inputMessages(body: string | undefined): string | undefined {
  if (body === undefined) return undefined;
  const messages = fieldOf(parsed(body), "messages");
  return cut(Array.isArray(messages) ? JSON.stringify(messages.map(toMessage)) : body);
}

export interface Output {
  readonly messages: string | undefined;
  /** The first tool that a whole answer calls. */
  readonly toolCall: { readonly id: string | undefined; readonly name: string | undefined } | undefined;
}

/** Of a whole answer, or of a stream's chunks as they are logged: a list. */
export function outputOf(body: string | undefined): Output {
  if (body === undefined) return { messages: undefined, toolCall: undefined };
  const answer = parsed(body);
  if (Array.isArray(answer)) return { messages: cut(JSON.stringify([joined(answer)])), toolCall: undefined };
  const choices = fieldOf(answer, "choices");
  if (!Array.isArray(choices)) return { messages: cut(body), toolCall: undefined };
  return { messages: cut(JSON.stringify(choices.map(toAnswer))), toolCall: firstCall(choices) };
}

function firstCall(choices: readonly JsonValue[]): Output["toolCall"] {
  for (const choice of choices) {
    const calls = fieldOf(fieldOf(choice, "message"), "tool_calls");
    const [call = null] = Array.isArray(calls) ? calls : [];
    if (isJsonObject(call)) return { id: textIn(call, "id"), name: textIn(call["function"], "name") };
  }
  return undefined;
}

function textIn(value: JsonValue | undefined, name: string): string | undefined {
  const text = fieldOf(value, name);
  return typeof text === "string" ? text : undefined;
}

function toAnswer(choice: JsonValue): JsonObject {
  const reason = fieldOf(choice, "finish_reason");
  return {
    ...toMessage(fieldOf(choice, "message") ?? null),
    ...(typeof reason === "string" && { finish_reason: reason }),
  };
}

function toMessage(message: JsonValue): JsonObject {
  const role = fieldOf(message, "role");
  const callId = fieldOf(message, "tool_call_id");
  const content = fieldOf(message, "content");
  const calls = fieldOf(message, "tool_calls");
  const parts =
    role === "tool" && typeof callId === "string"
      ? [{ type: "tool_call_response", id: callId, response: content ?? null }]
      : contentParts(content);
  return {
    role: typeof role === "string" ? role : "assistant",
    parts: [...parts, ...(Array.isArray(calls) ? calls.map(toCall) : [])],
  };
}

function contentParts(content: JsonValue | undefined): readonly JsonObject[] {
  if (typeof content === "string") return [{ type: "text", content }];
  if (!Array.isArray(content)) return [];
  return content.filter(isJsonObject).map((part) => {
    const { text, ...rest } = part;
    return part["type"] === "text" && typeof text === "string" ? { ...rest, content: text } : part;
  });
}

function toCall(call: JsonValue): JsonObject {
  const named = fieldOf(call, "function");
  const id = fieldOf(call, "id");
  return {
    type: "tool_call",
    ...(typeof id === "string" && { id }),
    name: fieldOf(named, "name") ?? null,
    arguments: fieldOf(named, "arguments") ?? null,
  };
}

/** The text of the first choice; its tool calls come in pieces, which are left out. */
function joined(chunks: readonly JsonValue[]): JsonObject {
  let text = "";
  let reason: JsonValue | undefined;
  for (const chunk of chunks) {
    const choices = fieldOf(chunk, "choices");
    const [first = null] = Array.isArray(choices) ? choices : [];
    const piece = fieldOf(fieldOf(first, "delta"), "content");
    if (typeof piece === "string") text += piece;
    reason = fieldOf(first, "finish_reason") ?? reason;
  }
  return {
    role: "assistant",
    parts: [{ type: "text", content: text }],
    ...(typeof reason === "string" && { finish_reason: reason }),
  };
}

function fieldOf(value: JsonValue | undefined, name: string): JsonValue | undefined {
  return isJsonObject(value) ? value[name] : undefined;
}

function parsed(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue; // what JSON.parse gives
  } catch {
    return text;
  }
}

function cut(text: string): string {
  return text.length > maxCharacters ? `${text.slice(0, maxCharacters)}…` : text;
}
