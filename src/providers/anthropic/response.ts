/** A message of the Messages API → a `chat.completion`. */
import { isJsonObject, type JsonObject } from "../../llm/json.ts";
import type { DecodedAnswer } from "../provider.ts";
import { readArray, readText, unusableAnswer } from "../wire.ts";
import { toFinishReason } from "./stop-reason.ts";
import { readUsage, toOpenAiUsage } from "./usage.ts";

/** Where the vendor's message has no id, which happens only with imitations of its API. */
export function fallbackId(createdSeconds: number): string {
  return `chatcmpl-${createdSeconds}`;
}

/** Throws `upstream_unusable` where there is no `content`. Blocks of tools that run at the vendor's are not shown. */
export function decodeAnswer(
  body: unknown,
  context: { readonly model: string; readonly createdSeconds: number },
): DecodedAnswer {
  if (!isJsonObject(body) || !Array.isArray(body["content"])) {
    throw unusableAnswer("anthropic", "'content' not in anthropic://llm/v1/chat response");
  }
  const blocks = readArray(body["content"]).filter(isJsonObject);
  const model = readText(body["model"]) ?? context.model;
  const stopReason = readText(body["stop_reason"]);
  const finishReason = toFinishReason(stopReason ?? "end_turn");
  const usage = readUsage(body["usage"]);
  return {
    response: {
      id: readText(body["id"]) ?? fallbackId(context.createdSeconds),
      object: "chat.completion",
      created: context.createdSeconds,
      model,
      choices: [
        {
          index: 0,
          message: toMessage(blocks),
          logprobs: null,
          finish_reason: finishReason,
          ...(stopReason !== undefined && { native_finish_reason: stopReason }),
        },
      ],
      ...(usage && { usage: toOpenAiUsage(usage) }),
    },
    ...(usage && { usage }),
    responseModel: model,
    finishReason,
  };
}

/**
 * `reasoning_content` is for reading. `thinking_blocks` is what a client sends back in the next request: with thinking
 * on, the API takes tool results only together with the signed blocks that led to the call.
 */
function toMessage(blocks: readonly JsonObject[]): JsonObject {
  const texts = blocks.flatMap((block) => (block["type"] === "text" ? (readText(block["text"]) ?? []) : []));
  const calls = blocks.filter((block) => block["type"] === "tool_use").map(toToolCall);
  const thoughts = blocks.filter(
    (block) => block["type"] === "thinking" || block["type"] === "redacted_thinking",
  );
  const reasoning = thoughts.flatMap((block) => readText(block["thinking"]) ?? []).join("\n");
  return {
    role: "assistant",
    content: texts.length === 0 && calls.length > 0 ? null : texts.join("\n"),
    refusal: null,
    ...(reasoning !== "" && { reasoning_content: reasoning }),
    ...(thoughts.length > 0 && { thinking_blocks: thoughts }),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
}

function toToolCall(block: JsonObject): JsonObject {
  return {
    id: readText(block["id"]) ?? "",
    type: "function",
    function: { name: readText(block["name"]) ?? "", arguments: JSON.stringify(block["input"] ?? {}) },
  };
}
