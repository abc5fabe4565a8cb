/** What a chat request asks for, in the words of the composer, and how many tokens it is. */
import type { ChatMessage, ContentPart } from "../../../llm/chat.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../../llm/json.ts";
import type { Task, ToolOffer } from "../../compose.ts";
import { countTokens } from "../../text/tokens.ts";

/** The text of a message, its parts joined. */
export function messageText(message: ChatMessage): string {
  if (typeof message.content === "string") return message.content;
  return (message.content ?? []).map((part) => part.text ?? "").join("\n");
}

/** The part of the task that the request states. */
export function readTask(
  body: JsonObject,
  messages: readonly ChatMessage[],
): Omit<Task, "seeds" | "behaviour"> {
  const lastOther = messages.findLastIndex((message) => message.role !== "tool");
  const lastUser = messages.findLast((message) => message.role === "user");
  const choice = body["tool_choice"];
  const toolName = choiceName(choice);
  return {
    prompt: lastUser === undefined ? "" : messageText(lastUser),
    toolResults: messages.slice(lastOther + 1).map(messageText),
    tools: readTools(body["tools"]),
    toolUse: choice === "none" ? "none" : choice === "required" || toolName !== undefined ? "must" : "free",
    toolName,
    parallelTools: body["parallel_tool_calls"] !== false,
    json: readFormat(body["response_format"]),
    maxTokens: numberOr(
      body["max_completion_tokens"],
      numberOr(body["max_tokens"], Number.POSITIVE_INFINITY),
    ),
    stops: [body["stop"]].flat().filter((stop) => typeof stop === "string"),
  };
}

function readTools(tools: JsonValue | undefined): ToolOffer[] {
  if (!Array.isArray(tools)) return [];
  return tools.map((tool: JsonValue) => {
    const { name, description, parameters } = functionOf(tool);
    return {
      name: String(name),
      description: String(description ?? ""),
      parameters: isJsonObject(parameters) ? parameters : { type: "object" },
    };
  });
}

/** The `function` of a tool or of a tool choice; `{}` where there is none. */
export function functionOf(tool: JsonValue | undefined): JsonObject {
  return isJsonObject(tool) && isJsonObject(tool["function"]) ? tool["function"] : {};
}

/** The tool a `tool_choice` names. */
export function choiceName(choice: JsonValue | undefined): string | undefined {
  const name = functionOf(choice)["name"];
  return typeof name === "string" ? name : undefined;
}

function readFormat(format: JsonValue | undefined): Task["json"] {
  if (!isJsonObject(format)) return undefined;
  if (format["type"] === "json_object") return { schema: undefined };
  const schema = format["json_schema"];
  return format["type"] === "json_schema" && isJsonObject(schema) ? { schema: schema["schema"] } : undefined;
}

function numberOr(value: JsonValue | undefined, fallback: number): number {
  return typeof value === "number" ? value : fallback;
}

/** Tokens of the prompt: OpenAI's published rule, 3 per message and 3 for the answer's start, plus tools and images. */
export function countPromptTokens(body: JsonObject, messages: readonly ChatMessage[]): number {
  const perMessage = messages.map((message) => {
    const calls = message.tool_calls === undefined ? 0 : countTokens(JSON.stringify(message.tool_calls));
    return 3 + 1 + countTokens(messageText(message)) + calls + countMedia(message.content);
  });
  const tools =
    body["tools"] === undefined || body["tools"] === null ? 0 : countTokens(JSON.stringify(body["tools"]));
  return perMessage.reduce((sum, tokens) => sum + tokens, 3 + tools);
}

/** 85 for a low-detail image, 765 for a 1024 × 1024 one (OpenAI's vision guide); every image counts as the latter. */
function countMedia(content: ChatMessage["content"]): number {
  if (typeof content !== "object" || content === null) return 0;
  return content.reduce((sum, part: ContentPart) => {
    if (part.type !== "image_url") return sum;
    const image = part["image_url"];
    return sum + (isJsonObject(image) && image["detail"] === "low" ? 85 : 765);
  }, 0);
}
