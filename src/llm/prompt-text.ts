/** Which words of a conversation say what it is about: what a person wrote, without what tools put around it. */
import type { ChatMessage } from "./chat.ts";

/**
 * Blocks that coding agents and chat harnesses put into user messages. They are the same in every request, so
 * embedding them would make every prompt alike.
 */
const noiseTags = [
  "system-reminder",
  "system_reminder",
  "environment_details",
  "environment_context",
  "user_environment",
  "tool_result",
  "tool_results",
  "function_results",
  "command-message",
  "command-name",
  "local-command-stdout",
  "ide_selection",
  "ide_opened_file",
];
/** A tag that opens or closes such a block. Attributes hold no `<`, so that no character is looked at twice. */
const noiseTag = new RegExp(`<(/?)(${noiseTags.join("|")})\\b([^<>]*)>`, "gi");

/** The text of one message: a string, or its text parts joined with line feeds. Images and tool results give "". */
export function messageText(message: ChatMessage): string {
  const { content } = message;
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  const texts: string[] = [];
  for (const part of content) {
    if (typeof part === "object" && part !== null && part.type === "text" && typeof part.text === "string")
      texts.push(part.text);
  }
  return texts.join("\n");
}

/** A message without harness blocks, trimmed. Takes time in proportion to its length, whatever a client sends. */
export function stripNoise(text: string): string {
  return text.includes("</") ? withoutBlocks(text).trim() : text.trim();
}

/** Each block goes from an opening tag to the first closing one of that name; a tag that is not closed is text. */
function withoutBlocks(text: string): string {
  let kept = "";
  let at = 0;
  for (const block of findBlocks(text)) {
    if (block.start < at) continue;
    kept += text.slice(at, block.start);
    at = block.end;
  }
  return kept + text.slice(at);
}

/** What every opening tag would end with, in order of the opening tags; blocks may lie in one another. */
function findBlocks(text: string): readonly { readonly start: number; readonly end: number }[] {
  const blocks: { readonly start: number; readonly end: number }[] = [];
  const nextEnd = new Map<string, number>();
  for (const tag of [...text.matchAll(noiseTag)].reverse()) {
    const [whole, slash, name = "", rest] = tag;
    const key = name.toLowerCase();
    const end = nextEnd.get(key);
    if (slash === "") {
      if (end !== undefined) blocks.push({ start: tag.index, end });
    } else if (rest === "") nextEnd.set(key, tag.index + whole.length);
  }
  return blocks.reverse();
}

/**
 * What people wrote, most recent message first; empty ones left out. Where no user message has words, the last
 * message that has some stands in, so that a conversation of tool results still routes by something.
 */
export function promptTexts(
  messages: readonly ChatMessage[],
  options: { readonly includeSystem: boolean },
): readonly string[] {
  const texts: string[] = [];
  let substitute = "";
  for (let index = messages.length - 1; index >= 0; index--) {
    const message = messages[index];
    if (message === undefined) continue;
    const text = stripNoise(messageText(message));
    if (text === "") continue;
    if (message.role === "user") texts.push(text);
    else if (substitute === "" && message.role !== "system" && message.role !== "developer")
      substitute = text;
  }
  if (texts.length === 0 && substitute !== "") texts.push(substitute);
  const system = options.includeSystem ? systemText(messages) : "";
  return system === "" ? texts : texts.map((text) => `${system}\n${text}`);
}

function systemText(messages: readonly ChatMessage[]): string {
  return messages
    .filter((message) => message.role === "system" || message.role === "developer")
    .map((message) => stripNoise(messageText(message)))
    .join("\n")
    .trim();
}
