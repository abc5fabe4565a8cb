/** `tools`, `tool_choice` and `parallel_tool_calls` → the vendor's tools. */
import type { ChatRequest } from "../../llm/chat.ts";
import { isJsonObject, type JsonObject } from "../../llm/json.ts";
import { quote, readArray, readText, untranslatable } from "../wire.ts";
import type { Warnings } from "./content.ts";
import type { ModelFacts } from "./models.ts";
import { toOutputSchema } from "./output-schema.ts";

const words: ReadonlyMap<unknown, string> = new Map([
  ["auto", "auto"],
  ["none", "none"],
  ["required", "any"],
]);

/** The fields `tools` and `tool_choice`; empty without tools, because the API refuses a choice among none. */
export function toToolFields(request: ChatRequest, facts: ModelFacts, warnings: Warnings): JsonObject {
  if (request["functions"] !== undefined && request["functions"] !== null) {
    throw untranslatable("anthropic", "functions is the old form; send tools");
  }
  const tools = readArray(request["tools"]).map((tool, index) =>
    toTool(tool, `tools[${index}]`, facts, warnings),
  );
  if (tools.length === 0) return {};
  const choice = toToolChoice(request["tool_choice"], request["parallel_tool_calls"] === false);
  return { tools, ...(choice && { tool_choice: choice }) };
}

/** Tools of the vendor's own (web search and such) are told by their type and pass as they are. */
function toTool(tool: unknown, where: string, facts: ModelFacts, warnings: Warnings): JsonObject {
  if (!isJsonObject(tool)) throw untranslatable("anthropic", `${where} is not an object`);
  const target = tool["function"];
  if (!isJsonObject(target)) {
    if (readText(tool["name"]) !== undefined) return tool;
    throw untranslatable("anthropic", `${where} is of type ${quote(tool["type"])}; send a function`);
  }
  const name = readText(target["name"]);
  if (name === undefined) throw untranslatable("anthropic", `${where}.function has no name`);
  const isStrict = keepsStrict(target, facts, warnings);
  const schema = toInputSchema(target["parameters"]);
  const cacheControl = tool["cache_control"] ?? target["cache_control"];
  const description = readText(target["description"]);
  return {
    name,
    ...(description !== undefined && { description }),
    input_schema: isStrict ? toOutputSchema(schema, `${where}.function.parameters`, warnings) : schema,
    ...(isStrict && { strict: true }),
    ...(isJsonObject(cacheControl) && { cache_control: cacheControl }),
  };
}

function keepsStrict(target: JsonObject, facts: ModelFacts, warnings: Warnings): boolean {
  if (target["strict"] !== true) return false;
  if (!facts.hasStructuredOutput) {
    warnings.add("tools[].function.strict is not sent: this model cannot be held to a schema");
  }
  return facts.hasStructuredOutput;
}

function toInputSchema(parameters: unknown): JsonObject {
  if (!isJsonObject(parameters)) return { type: "object", properties: {} };
  return parameters["type"] === undefined ? { type: "object", ...parameters } : parameters;
}

function toToolChoice(choice: unknown, isSerial: boolean): JsonObject | undefined {
  const translated = toChoice(choice);
  if (!isSerial) return translated;
  if (translated?.["type"] === "none") return translated;
  return { ...(translated ?? { type: "auto" }), disable_parallel_tool_use: true };
}

function toChoice(choice: unknown): JsonObject | undefined {
  if (choice === undefined || choice === null) return undefined;
  const type = words.get(choice);
  if (type !== undefined) return { type };
  const target = isJsonObject(choice) ? choice["function"] : undefined;
  const name = isJsonObject(target) ? readText(target["name"]) : undefined;
  if (name !== undefined) return { type: "tool", name };
  const given = isJsonObject(choice) ? choice["type"] : choice;
  throw untranslatable(
    "anthropic",
    `tool_choice is ${quote(given)}; send auto, none, required or a named function`,
  );
}
