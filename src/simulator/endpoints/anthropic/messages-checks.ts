/** Anthropic's checks of a message request, worded closely after its own. */
import { isJsonObject, type JsonObject, type JsonValue } from "../../../llm/json.ts";
import { invalid } from "./errors.ts";

/** Anthropic refuses what it does not know, so a gateway that forgets to translate a field hears of it. */
const knownFields = new Set(
  (
    "model messages max_tokens system metadata stop_sequences stream temperature top_k top_p tools tool_choice thinking " +
    "service_tier container context_management mcp_servers output_config output_format cache_control"
  ).split(" "),
);

const userBlocks = ["text", "image", "document", "search_result", "tool_result"];
const assistantBlocks = [
  "text",
  "thinking",
  "redacted_thinking",
  "tool_use",
  "server_tool_use",
  "web_search_tool_result",
];

/** A message with its content as blocks. */
export interface CheckedMessage {
  readonly role: "user" | "assistant";
  readonly blocks: readonly JsonObject[];
}

/** Throws a `VendorError` for the first thing Anthropic would refuse. */
export function checkMessageRequest(body: JsonObject): readonly CheckedMessage[] {
  for (const field of ["model", "messages", "max_tokens"]) {
    if (body[field] === undefined) throw invalid(field, "Field required");
  }
  if (typeof body["model"] !== "string" || body["model"] === "")
    throw invalid("model", "Input should be a valid string");
  const stranger = Object.keys(body).find((field) => !knownFields.has(field));
  if (stranger !== undefined) throw invalid(stranger, "Extra inputs are not permitted");
  checkNumbers(body);
  checkTools(body);
  if (body["system"] !== undefined) readBlocks(body["system"], "system", ["text"]);
  const messages = checkMessages(body["messages"]);
  checkToolResults(messages);
  return messages;
}

function checkNumbers(body: JsonObject): void {
  const { max_tokens: maxTokens } = body;
  if (typeof maxTokens !== "number" || !Number.isInteger(maxTokens)) {
    throw invalid("max_tokens", "Input should be a valid integer");
  }
  if (maxTokens < 1) throw invalid("max_tokens", "Input should be greater than or equal to 1");
  for (const name of ["temperature", "top_p"]) {
    const value = body[name];
    if (value === undefined) continue;
    if (typeof value !== "number" || value < 0 || value > 1) throw invalid(name, "range: 0..1");
  }
}

function checkTools({ tools, tool_choice: choice }: JsonObject): void {
  if (choice !== undefined && tools === undefined)
    throw invalid("tool_choice", "may only be specified while providing tools");
  if (tools === undefined) return;
  if (!Array.isArray(tools)) throw invalid("tools", "Input should be a valid list");
  tools.forEach((tool: JsonValue, index) => {
    if (!isJsonObject(tool)) throw invalid(`tools.${index}`, "Input should be an object");
    for (const field of ["name", "input_schema"]) {
      if (tool[field] === undefined) throw invalid(`tools.${index}.${field}`, "Field required");
    }
  });
  if (choice === undefined) return;
  const kinds = ["auto", "any", "tool", "none"];
  const kind = isJsonObject(choice) ? choice["type"] : undefined;
  if (typeof kind !== "string" || !kinds.includes(kind)) {
    throw invalid("tool_choice", `Input should be an object whose type is one of ${kinds.join(", ")}`);
  }
}

function checkMessages(value: JsonValue | undefined): readonly CheckedMessage[] {
  if (!Array.isArray(value)) throw invalid("messages", "Input should be a valid list");
  if (value.length === 0) throw invalid("messages", "at least one message is required");
  const messages = value.map((message: JsonValue, index) =>
    checkMessage(message, index, index === value.length - 1),
  );
  if (messages[0]?.role !== "user") throw invalid("messages", 'first message must use the "user" role');
  messages.forEach(({ role }, index) => {
    if (role !== messages[index - 1]?.role) return;
    throw invalid(
      "messages",
      `roles must alternate between "user" and "assistant", but found multiple "${role}" roles in a row`,
    );
  });
  return messages;
}

function checkMessage(message: JsonValue, index: number, isLast: boolean): CheckedMessage {
  const place = `messages.${index}`;
  if (!isJsonObject(message)) throw invalid(place, "Input should be an object");
  const { role, content } = message;
  if (role === "system") {
    throw invalid(
      "messages",
      'Unexpected role "system". The Messages API accepts a top-level `system` parameter, not "system" as an input message role.',
    );
  }
  if (role !== "user" && role !== "assistant")
    throw invalid(`${place}.role`, "Input should be 'user' or 'assistant'");
  if (content === undefined) throw invalid(`${place}.content`, "Field required");
  const blocks = readBlocks(content, `${place}.content`, role === "user" ? userBlocks : assistantBlocks);
  if (blocks.length === 0 && !(isLast && role === "assistant")) {
    throw invalid(
      place,
      "all messages must have non-empty content except for the optional final assistant message",
    );
  }
  return { role, blocks };
}

function readBlocks(
  content: JsonValue | undefined,
  place: string,
  kinds: readonly string[],
): readonly JsonObject[] {
  if (typeof content === "string") return content === "" ? [] : [{ type: "text", text: content }];
  if (!Array.isArray(content)) throw invalid(place, "Input should be a valid string or list");
  return content.map((block: JsonValue, index) => {
    const here = `${place}.${index}`;
    const kind = isJsonObject(block) ? block["type"] : undefined;
    if (!isJsonObject(block) || typeof kind !== "string" || !kinds.includes(kind)) {
      const expected = kinds.map((name) => `'${name}'`).join(", ");
      throw invalid(
        here,
        `Input tag '${String(kind)}' found using 'type' does not match any of the expected tags: ${expected}`,
      );
    }
    if (kind === "text" && block["text"] === "")
      throw invalid("messages", "text content blocks must be non-empty");
    return block;
  });
}

/** Each `tool_use` is answered in the very next message, and nothing else is. */
function checkToolResults(messages: readonly CheckedMessage[]): void {
  messages.forEach((message, index) => {
    const uses = idsOf(messages[index - 1], "tool_use", "id");
    const results = idsOf(message, "tool_result", "tool_use_id");
    const unexpected = results.findIndex((id) => !uses.includes(id));
    if (unexpected >= 0) {
      throw invalid(
        `messages.${index}.content.${unexpected}`,
        `unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${results[unexpected]}. Each \`tool_result\` block must have a corresponding \`tool_use\` block in the previous message.`,
      );
    }
    requireResults(
      index - 1,
      uses.filter((id) => !results.includes(id)),
    );
  });
  requireResults(messages.length - 1, idsOf(messages.at(-1), "tool_use", "id"));
}

function requireResults(index: number, missing: readonly string[]): void {
  if (missing.length === 0) return;
  throw invalid(
    `messages.${index}`,
    `\`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${missing.join(", ")}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`,
  );
}

function idsOf(message: CheckedMessage | undefined, kind: string, key: string): string[] {
  return (message?.blocks ?? []).filter((block) => block["type"] === kind).map((block) => String(block[key]));
}
