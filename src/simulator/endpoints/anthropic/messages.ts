/** `POST /v1/messages`, and any path that ends in `/messages`. */
import { isJsonObject, type JsonObject } from "../../../llm/json.ts";
import { type Composition, compose, countOutput } from "../../compose.ts";
import type { Call, Endpoint } from "../../endpoint.ts";
import { randomId } from "../../text/random.ts";
import { anthropicErrorBody, anthropicErrorEvent, checkAnthropicHeaders } from "./errors.ts";
import { type CheckedMessage, checkMessageRequest } from "./messages-checks.ts";
import { type MessageReply, streamMessage } from "./messages-stream.ts";
import { countInputTokens, readTask } from "./messages-task.ts";

export const anthropicMessages: Endpoint = {
  name: "anthropic-messages",
  method: "POST",
  requestIdHeader: "request-id",
  serves: (path) => path.endsWith("/messages"),
  model: (_path, body) =>
    isJsonObject(body) && typeof body["model"] === "string" ? body["model"] : undefined,
  errorBody: anthropicErrorBody,
  errorEvent: anthropicErrorEvent,
  sample: {
    headers: { "anthropic-version": "2023-06-01" },
    body: {
      model: "claude-haiku-4-5",
      max_tokens: 4096,
      messages: [{ role: "user", content: "How fast is this gateway?" }],
    },
  },
  answer(call) {
    checkAnthropicHeaders(call.headers, call.surroundings);
    const messages = checkMessageRequest(call.body);
    const reply = makeReply(call, messages);
    if (call.body["stream"] === true) return { kind: "stream", events: streamMessage(reply) };
    return { kind: "whole", body: wholeBody(reply), tokens: countOutput(reply) };
  },
};

const stopReasons = {
  end: "end_turn",
  length: "max_tokens",
  stop: "stop_sequence",
  tools: "tool_use",
} as const satisfies Record<Composition["ending"], MessageReply["stopReason"]>;

function makeReply(call: Call, messages: readonly CheckedMessage[]): MessageReply {
  const { body, behaviour, surroundings, random } = call;
  const model = String(body["model"]);
  const composition = compose({ ...readTask(body, messages), behaviour, seeds: [surroundings.seed, model] });
  return {
    id: `msg_01${randomId(random, 22)}`,
    model: surroundings.datedModels && !/\d{8}$/.test(model) ? `${model}-20260115` : model,
    pieces: composition.pieces,
    calls: composition.calls.map((made) => ({ ...made, id: `toolu_01${randomId(random, 22)}` })),
    stopReason: stopReasons[composition.ending],
    stopSequence: composition.stop ?? null,
    usage: behaviour.noUsage === true ? undefined : usageOf(call, messages, countOutput(composition)),
  };
}

/** Anthropic counts what came from the cache apart, and thinking as output. */
function usageOf(
  { body, behaviour }: Call,
  messages: readonly CheckedMessage[],
  answer: number,
): MessageReply["usage"] {
  const prompt = countInputTokens(body, messages);
  const cached = Math.min(behaviour.cachedTokens ?? 0, prompt);
  return {
    input: { input_tokens: prompt - cached, cache_creation_input_tokens: 0, cache_read_input_tokens: cached },
    outputTokens: answer + (behaviour.reasoningTokens ?? 0),
  };
}

function wholeBody({ id, model, pieces, calls, stopReason, stopSequence, usage }: MessageReply): JsonObject {
  const content: JsonObject[] =
    calls.length === 0
      ? [{ type: "text", text: pieces.join("") }]
      : calls.map((made) => ({
          type: "tool_use",
          id: made.id,
          name: made.name,
          input: parseArguments(made.pieces.join("")),
        }));
  const counts =
    usage === undefined
      ? {}
      : { usage: { ...usage.input, output_tokens: usage.outputTokens, service_tier: "standard" } };
  return {
    id,
    type: "message",
    role: "assistant",
    model,
    content,
    stop_reason: stopReason,
    stop_sequence: stopSequence,
    ...counts,
  };
}

/** Arguments that `max_tokens` has cut are no JSON; the vendor then sends what it has, here nothing. */
function parseArguments(text: string): JsonObject {
  try {
    const parsed: unknown = JSON.parse(text);
    return isJsonObject(parsed) ? parsed : {};
  } catch {
    return {};
  }
}
