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
const noiseBlock = new RegExp(`<(${noiseTags.join("|")})\\b[^>]*>[\\s\\S]*?</\\1>`, "gi");

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

/** A message without harness blocks, trimmed. */
export function stripNoise(text: string): string {
  return text.includes("<") ? text.replace(noiseBlock, "").trim() : text.trim();
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
