/** What a message request asks for, in the words of the composer, and how many tokens it is. */
import { isJsonObject, type JsonObject, type JsonValue } from "../../../llm/json.ts";
import type { Task, ToolOffer } from "../../compose.ts";
import { countTokens } from "../../text/tokens.ts";
import type { CheckedMessage } from "./messages-checks.ts";

/** The part of the task that the request states. */
export function readTask(
  body: JsonObject,
  messages: readonly CheckedMessage[],
): Omit<Task, "seeds" | "behaviour"> {
  const lastSaid = messages.findLast(
    ({ role, blocks }) => role === "user" && blocks.some((block) => block["type"] === "text"),
  );
  const choice = isJsonObject(body["tool_choice"]) ? body["tool_choice"] : {};
  const kind = choice["type"];
  const stops = body["stop_sequences"];
  return {
    prompt: blocksText(lastSaid?.blocks ?? []),
    toolResults: (messages.at(-1)?.blocks ?? [])
      .filter((block) => block["type"] === "tool_result")
      .map((block) => contentText(block["content"])),
    tools: readTools(body["tools"]),
    toolUse: kind === "none" ? "none" : kind === "any" || kind === "tool" ? "must" : "free",
    toolName: kind === "tool" ? String(choice["name"]) : undefined,
    parallelTools: choice["disable_parallel_tool_use"] !== true,
    maxTokens: Number(body["max_tokens"]),
    stops: Array.isArray(stops) ? stops.filter((stop) => typeof stop === "string") : [],
  };
}

function readTools(tools: JsonValue | undefined): ToolOffer[] {
  if (!Array.isArray(tools)) return [];
  return tools.filter(isJsonObject).map(({ name, description, input_schema: schema }) => ({
    name: String(name),
    description: String(description ?? ""),
    parameters: isJsonObject(schema) ? schema : { type: "object" },
  }));
}

function contentText(content: JsonValue | undefined): string {
  if (typeof content === "string") return content;
  return Array.isArray(content) ? blocksText(content.filter(isJsonObject)) : "";
}

function blocksText(blocks: readonly JsonObject[]): string {
  return blocks.flatMap((block) => (typeof block["text"] === "string" ? [block["text"]] : [])).join("\n");
}

/** Tokens of the prompt: 3 per message and the texts, tools as JSON; an image counts 1,568, Anthropic's most for one. */
export function countInputTokens(body: JsonObject, messages: readonly CheckedMessage[]): number {
  const blocks = messages.flatMap((message) => message.blocks);
  const tools = body["tools"] === undefined ? 0 : countTokens(JSON.stringify(body["tools"]));
  const framing = 3 * messages.length + countTokens(contentText(body["system"])) + tools;
  return blocks.reduce((sum, block) => sum + countBlock(block), framing);
}

function countBlock(block: JsonObject): number {
  switch (block["type"]) {
    case "image":
      return 1568;
    case "tool_use":
      return countTokens(`${String(block["name"])} ${JSON.stringify(block["input"])}`);
    case "tool_result":
      return countTokens(contentText(block["content"]));
    default:
      return countTokens(blocksText([block]));
  }
}
