/** OpenAI's checks of a chat request, with its own messages. */
import type { ChatMessage } from "../../../llm/chat.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../../llm/json.ts";
import { choiceName, functionOf, messageText } from "./chat-task.ts";
import { badParameter } from "./errors.ts";

const roles = ["system", "assistant", "user", "function", "tool", "developer"];

/** Models that reason take other parameters than the others. */
export function isReasoningModel(model: string): boolean {
  return /^(o\d|gpt-5(?!-chat))/.test(model);
}

/** Throws a `VendorError` for the first thing OpenAI would refuse; afterwards `messages` are chat messages. */
export function checkChatRequest(body: JsonObject, model: string): readonly ChatMessage[] {
  const messages = checkMessages(body["messages"]);
  checkToolOrder(messages);
  checkNumber(body, "n", 1, 128);
  checkNumber(body, "temperature", 0, 2);
  checkNumber(body, "top_p", 0, 1);
  checkNumber(body, "max_tokens", 1, Number.POSITIVE_INFINITY);
  checkNumber(body, "max_completion_tokens", 1, Number.POSITIVE_INFINITY);
  if (isReasoningModel(model)) checkReasoningParameters(body);
  checkStreamOptions(body);
  checkTools(body);
  checkFormat(body, messages);
  return messages;
}

function checkMessages(value: JsonValue | undefined): readonly ChatMessage[] {
  if (value === undefined)
    throw badParameter("messages", "Missing required parameter: 'messages'.", "missing_required_parameter");
  if (!Array.isArray(value)) {
    throw badParameter(
      "messages",
      "Invalid type for 'messages': expected an array of objects.",
      "invalid_type",
    );
  }
  if (value.length === 0) {
    throw badParameter(
      "messages",
      "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
      "empty_array",
    );
  }
  value.forEach(checkMessage);
  return value as readonly ChatMessage[]; // checkMessage has looked at each
}

function checkMessage(message: JsonValue, index: number): void {
  const place = `messages[${index}]`;
  if (!isJsonObject(message))
    throw badParameter(place, `Invalid type for '${place}': expected an object.`, "invalid_type");
  const { role, content } = message;
  if (role === undefined) {
    throw badParameter(
      `${place}.role`,
      `Missing required parameter: '${place}.role'.`,
      "missing_required_parameter",
    );
  }
  if (typeof role !== "string" || !roles.includes(role)) {
    const known = roles.map((name) => `'${name}'`).join(", ");
    throw badParameter(
      `${place}.role`,
      `Invalid value: '${String(role)}'. Supported values are: ${known}.`,
      "invalid_value",
    );
  }
  const mayBeEmpty =
    role === "assistant" && (message["tool_calls"] !== undefined || message["refusal"] !== undefined);
  const isContent = typeof content === "string" || (Array.isArray(content) && content.every(isJsonObject));
  if (isContent || (mayBeEmpty && (content === undefined || content === null))) return;
  throw badParameter(
    `${place}.content`,
    `Invalid value for 'content': expected a string or an array of objects, got ${content === undefined ? "nothing" : JSON.stringify(content)?.slice(0, 20)}.`,
  );
}

/** Tool messages answer the calls of the assistant message before them, all of them and no others. */
function checkToolOrder(messages: readonly ChatMessage[]): void {
  let open = new Set<string>();
  messages.forEach((message, index) => {
    if (message.role === "tool") {
      if (!open.delete(message.tool_call_id ?? "")) {
        throw badParameter(
          `messages.[${index}].role`,
          "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
        );
      }
      return;
    }
    requireAnswered(open, index);
    open = new Set(message.role === "assistant" ? (message.tool_calls ?? []).map((call) => call.id) : []);
  });
  requireAnswered(open, messages.length);
}

function requireAnswered(open: ReadonlySet<string>, index: number): void {
  if (open.size === 0) return;
  throw badParameter(
    `messages.[${index}].role`,
    `An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: ${[...open].join(", ")}`,
  );
}

function checkNumber(body: JsonObject, name: string, min: number, max: number): void {
  const value = body[name];
  if (value === undefined || value === null) return;
  if (typeof value !== "number") {
    throw badParameter(
      name,
      `Invalid type for '${name}': expected a number, but got ${JSON.stringify(value).slice(0, 20)} instead.`,
      "invalid_type",
    );
  }
  if (value < min) {
    throw badParameter(
      name,
      `Invalid '${name}': value below minimum. Expected a value >= ${min}, but got ${value} instead.`,
      "below_min_value",
    );
  }
  if (value > max) {
    throw badParameter(
      name,
      `Invalid '${name}': value above maximum. Expected a value <= ${max}, but got ${value} instead.`,
      "above_max_value",
    );
  }
}

function checkReasoningParameters(body: JsonObject): void {
  if (body["max_tokens"] !== undefined && body["max_tokens"] !== null) {
    throw badParameter(
      "max_tokens",
      "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
      "unsupported_parameter",
    );
  }
  const temperature = body["temperature"];
  if (typeof temperature === "number" && temperature !== 1) {
    throw badParameter(
      "temperature",
      `Unsupported value: 'temperature' does not support ${temperature} with this model. Only the default (1) value is supported.`,
      "unsupported_value",
    );
  }
}

function checkStreamOptions(body: JsonObject): void {
  if (body["stream_options"] === undefined || body["stream_options"] === null || body["stream"] === true)
    return;
  throw badParameter(
    "stream_options",
    "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
  );
}

function checkTools(body: JsonObject): void {
  const { tools, tool_choice: choice } = body;
  if (tools === undefined || tools === null) {
    if (choice === undefined || choice === null || choice === "none") return;
    throw badParameter(
      "tool_choice",
      "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
    );
  }
  if (!Array.isArray(tools))
    throw badParameter("tools", "Invalid type for 'tools': expected an array of objects.", "invalid_type");
  tools.forEach((tool: JsonValue, index) => {
    if (typeof functionOf(tool)["name"] === "string") return;
    const place = `tools[${index}].function.name`;
    throw badParameter(place, `Missing required parameter: '${place}'.`, "missing_required_parameter");
  });
  const name = choiceName(choice);
  if (name !== undefined && !tools.some((tool: JsonValue) => functionOf(tool)["name"] === name)) {
    throw badParameter("tool_choice", `Tool choice '${name}' not found in 'tools' parameter.`);
  }
}

function checkFormat(body: JsonObject, messages: readonly ChatMessage[]): void {
  const format = body["response_format"];
  if (!isJsonObject(format)) return;
  if (format["type"] === "json_object" && !messages.some((message) => /json/i.test(messageText(message)))) {
    throw badParameter(
      "messages",
      "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
    );
  }
  if (format["type"] !== "json_schema") return;
  const place = "response_format.json_schema";
  const schema = format["json_schema"];
  for (const name of ["name", "schema"]) {
    if (isJsonObject(schema) && schema[name] !== undefined) continue;
    throw badParameter(
      `${place}.${name}`,
      `Missing required parameter: '${place}.${name}'.`,
      "missing_required_parameter",
    );
  }
}
