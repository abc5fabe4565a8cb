/** OpenAI's flat list of messages → a system prompt and turns that alternate, beginning with the user's. */
import { isJsonObject, type JsonObject, type JsonValue } from "../../llm/json.ts";
import { parseJson, quote, readArray, readText, untranslatable } from "../wire.ts";
import { toBlocks, toTextOnlyBlocks, type Warnings } from "./content.ts";

export interface Conversation {
  /** Text, or blocks where one of them carries `cache_control`; undefined where there is none. */
  readonly system: JsonValue | undefined;
  readonly messages: readonly JsonObject[];
}

interface Turn {
  readonly role: "user" | "assistant";
  /** Tool results stand before anything else in their turn, or the API does not find them. */
  readonly results: JsonObject[];
  readonly blocks: JsonObject[];
}

/**
 * System and developer messages are gathered, wherever they stand; neighbours of one role become one turn. Where the
 * API needs a user's turn and the client has none at the start, the smallest possible one is put there, with a warning.
 * Throws `untranslatable` for what has no counterpart.
 */
export function toConversation(messages: readonly unknown[], warnings: Warnings): Conversation {
  const draft = new Draft(warnings);
  for (const [index, message] of messages.entries()) draft.add(message, `messages[${index}]`);
  return draft.finish();
}

class Draft {
  readonly #warnings: Warnings;
  readonly #system: JsonObject[] = [];
  readonly #turns: Turn[] = [];
  /** Calls of the last assistant turn that no tool message has answered yet. */
  #openCalls = new Set<string>();

  constructor(warnings: Warnings) {
    this.#warnings = warnings;
  }

  add(message: unknown, where: string): void {
    if (!isJsonObject(message)) throw untranslatable("anthropic", `${where} is not an object`);
    const add = this.#byRole.get(message["role"]);
    if (!add) throw untranslatable("anthropic", `${where} has the role ${quote(message["role"])}`);
    add(message, where);
  }

  readonly #byRole: ReadonlyMap<unknown, (message: JsonObject, where: string) => void> = new Map([
    ["system", (message, where) => this.#onSystem(message, where)],
    ["developer", (message, where) => this.#onSystem(message, where)],
    ["user", (message, where) => this.#onUser(message, where)],
    ["assistant", (message, where) => this.#onAssistant(message, where)],
    ["tool", (message, where) => this.#onTool(message, where)],
  ]);

  #onSystem(message: JsonObject, where: string): void {
    const blocks = toTextOnlyBlocks(message["content"], where, this.#warnings);
    this.#system.push(...withCacheControl(blocks, message));
  }

  #onUser(message: JsonObject, where: string): void {
    this.#warnOfName(message);
    const blocks = toBlocks(message["content"], where, this.#warnings);
    if (blocks.length > 0) this.#turn("user").blocks.push(...withCacheControl(blocks, message));
  }

  #onAssistant(message: JsonObject, where: string): void {
    this.#warnOfName(message);
    if (isJsonObject(message["function_call"])) {
      throw untranslatable("anthropic", `${where}.function_call is the old form; send tool_calls`);
    }
    const calls = readArray(message["tool_calls"]).map((call, index) =>
      toToolUse(call, `${where}.tool_calls[${index}]`),
    );
    const blocks = [
      ...readArray(message["thinking_blocks"]).filter(isJsonObject),
      ...toBlocks(message["content"], where, this.#warnings),
      ...toBlocks(message["refusal"], where, this.#warnings),
      ...calls,
    ];
    if (blocks.length === 0) return;
    this.#turn("assistant").blocks.push(...withCacheControl(blocks, message));
    for (const call of calls) this.#openCalls.add(call.id);
  }

  #onTool(message: JsonObject, where: string): void {
    const id = readText(message["tool_call_id"]);
    if (id === undefined) throw untranslatable("anthropic", `${where} has no tool_call_id`);
    if (!this.#openCalls.delete(toToolUseId(id))) {
      throw untranslatable(
        "anthropic",
        `${where} answers the tool call ${quote(id)}, which the assistant's turn before it did not make or which is answered already`,
      );
    }
    const content = toBlocks(message["content"], where, this.#warnings);
    const result: JsonObject = {
      type: "tool_result",
      tool_use_id: toToolUseId(id),
      ...(content.length > 0 && { content: collapse(content) }),
    };
    this.#turn("user").results.push(...withCacheControl([result], message));
  }

  finish(): Conversation {
    const system = this.#turns.length > 0 ? this.#system : this.#sendSystemAsUser();
    if (this.#turns[0]?.role === "assistant") {
      this.#turns.unshift({
        role: "user",
        results: [],
        blocks: [{ type: "text", text: "(The assistant begins.)" }],
      });
      this.#warnings.add(
        "a user message was put before the first one: the conversation began with the assistant",
      );
    }
    return {
      system: toSystem(system),
      messages: this.#turns.map(({ role, results, blocks }) => ({
        role,
        content: collapse([...results, ...blocks]),
      })),
    };
  }

  #sendSystemAsUser(): readonly JsonObject[] {
    if (this.#system.length === 0) throw untranslatable("anthropic", "no message has any content");
    this.#turn("user").blocks.push(...this.#system);
    this.#warnings.add("system messages were sent as the user's: the conversation has no other");
    return [];
  }

  #turn(role: Turn["role"]): Turn {
    const last = this.#turns.at(-1);
    if (last?.role === role) return last;
    const turn: Turn = { role, results: [], blocks: [] };
    this.#turns.push(turn);
    if (role === "assistant") this.#openCalls = new Set();
    return turn;
  }

  #warnOfName(message: JsonObject): void {
    if (readText(message["name"]) !== undefined)
      this.#warnings.add("messages[].name is not sent: turns have no names");
  }
}

function toToolUse(call: unknown, where: string): JsonObject & { readonly id: string } {
  const target = isJsonObject(call) ? call["function"] : undefined;
  const id = isJsonObject(call) ? readText(call["id"]) : undefined;
  const name = isJsonObject(target) ? readText(target["name"]) : undefined;
  if (!isJsonObject(target) || name === undefined)
    throw untranslatable("anthropic", `${where} names no function`);
  if (id === undefined) throw untranslatable("anthropic", `${where} (${quote(name)}) has no id`);
  const input = readArguments(target["arguments"]);
  if (!input) {
    throw untranslatable(
      "anthropic",
      `the arguments of ${where} (${quote(name)}, id ${quote(id)}) are not a JSON object`,
    );
  }
  return { type: "tool_use", id: toToolUseId(id), name, input };
}

/** No text at all is how some servers write "no arguments". */
function readArguments(value: unknown): JsonObject | undefined {
  if (value === undefined || value === null || value === "") return {};
  const input = typeof value === "string" ? parseJson(value) : value;
  return isJsonObject(input) ? input : undefined;
}

/**
 * The API takes only letters, digits, `_` and `-`, and calls made by another vendor earlier in the conversation may have
 * others, `functions.search:0` for one. Others are spelled out by code, so that two ids do not become one.
 */
function toToolUseId(id: string): string {
  return id.replace(/[^a-zA-Z0-9_-]/gu, (character) => `_${(character.codePointAt(0) ?? 0).toString(16)}_`);
}

/** `cache_control` on a whole message marks its end, hence the last block. */
function withCacheControl(blocks: readonly JsonObject[], message: JsonObject): readonly JsonObject[] {
  const mark = message["cache_control"];
  const last = blocks.at(-1);
  if (!last || !isJsonObject(mark)) return blocks;
  return [...blocks.slice(0, -1), { ...last, cache_control: mark }];
}

function isPlainText(block: JsonObject): boolean {
  return block["type"] === "text" && block["cache_control"] === undefined;
}

/** One plain text is written as a string, which is the same to the API and shorter. */
function collapse(blocks: readonly JsonObject[]): JsonValue {
  const [only, ...others] = blocks;
  return only && others.length === 0 && isPlainText(only) ? (only["text"] ?? "") : blocks;
}

function toSystem(blocks: readonly JsonObject[]): JsonValue | undefined {
  if (blocks.length === 0) return undefined;
  return blocks.every(isPlainText) ? blocks.map((block) => block["text"]).join("\n\n") : blocks;
}
