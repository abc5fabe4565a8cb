/** `POST /v1/chat/completions`, and any path that ends so. */
import type { ChatMessage, FinishReason } from "../../../llm/chat.ts";
import type { JsonObject, JsonValue } from "../../../llm/json.ts";
import { type Composition, compose, countOutput } from "../../compose.ts";
import type { Call, Endpoint } from "../../endpoint.ts";
import { randomId } from "../../text/random.ts";
import { checkChatRequest, isReasoningModel } from "./chat-checks.ts";
import { type ChatReply, type Choice, streamChat } from "./chat-stream.ts";
import { choiceName, countPromptTokens, readTask } from "./chat-task.ts";
import { checkOpenaiKey, openaiErrorBody, openaiErrorEvent, openaiModel, requireModel } from "./errors.ts";

export const openaiChat: Endpoint = {
  name: "openai-chat",
  method: "POST",
  requestIdHeader: "x-request-id",
  serves: (path) => path.endsWith("/chat/completions"),
  model: openaiModel,
  errorBody: openaiErrorBody,
  errorEvent: openaiErrorEvent,
  sample: {
    headers: {},
    body: { model: "gpt-4o-mini", messages: [{ role: "user", content: "How fast is this gateway?" }] },
  },
  answer(call) {
    checkOpenaiKey(call.headers, call.surroundings);
    const model = requireModel(call.path, call.body);
    const messages = checkChatRequest(call.body, model);
    const reply = makeReply(call, model, messages);
    if (call.body["stream"] !== true)
      return { kind: "whole", body: wholeBody(reply), tokens: sumTokens(reply.choices) };
    return { kind: "stream", events: streamChat(reply, call.body) };
  },
};

function makeReply(call: Call, model: string, messages: readonly ChatMessage[]): ChatReply {
  const { body, behaviour, surroundings, random } = call;
  const task = readTask(body, messages);
  const count = typeof body["n"] === "number" ? body["n"] : 1;
  const choices = Array.from({ length: count }, (_, index): Choice => {
    const composition = compose({ ...task, behaviour, seeds: [surroundings.seed, model, index] });
    const calls = composition.calls.map(({ name, pieces }) => ({
      id: `call_${randomId(random, 24)}`,
      name,
      pieces,
    }));
    return { index, calls, pieces: composition.pieces, finishReason: finishReason(composition, body) };
  });
  return {
    id: `chatcmpl-${randomId(random, 29)}`,
    created: Math.floor(surroundings.now() / 1000),
    model: surroundings.datedModels ? datedModel(model) : model,
    choices,
    usage: behaviour.noUsage === true ? undefined : usageOf(call, model, messages, sumTokens(choices)),
  };
}

/** Naming one function ends with "stop", as OpenAI's API reference says. */
function finishReason({ ending }: Composition, body: JsonObject): FinishReason {
  if (ending === "tools") return choiceName(body["tool_choice"]) === undefined ? "tool_calls" : "stop";
  return ending === "length" ? "length" : "stop";
}

/** Aliases are answered with the dated model behind them; a name with a date stays. The date is made up. */
function datedModel(model: string): string {
  return /\d{4}(-?\d{2}){1,2}$/.test(model) ? model : `${model}-2026-01-15`;
}

/** A reasoning model reasons for about twice the length of its answer, in steps of 64 as OpenAI counts. */
function usageOf(call: Call, model: string, messages: readonly ChatMessage[], answer: number): JsonObject {
  const { cachedTokens, reasoningTokens } = call.behaviour;
  const prompt = countPromptTokens(call.body, messages);
  const reasoning = reasoningTokens ?? (isReasoningModel(model) ? Math.ceil(answer / 32) * 64 : 0);
  return {
    prompt_tokens: prompt,
    completion_tokens: answer + reasoning,
    total_tokens: prompt + answer + reasoning,
    prompt_tokens_details: { cached_tokens: Math.min(cachedTokens ?? 0, prompt), audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: reasoning,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

function sumTokens(choices: readonly Choice[]): number {
  return choices.reduce((sum, choice) => sum + countOutput(choice), 0);
}

function wholeBody({ id, created, model, choices, usage }: ChatReply): JsonObject {
  return {
    id,
    object: "chat.completion",
    created,
    model,
    choices: choices.map(wholeChoice),
    ...(usage === undefined ? {} : { usage }),
    service_tier: "default",
    system_fingerprint: "fp_simulator",
  };
}

function wholeChoice({ index, pieces, calls, finishReason: reason }: Choice): JsonValue {
  const toolCalls = calls.map(({ id, name, pieces: parts }) => ({
    id,
    type: "function",
    function: { name, arguments: parts.join("") },
  }));
  const message = {
    role: "assistant",
    content: calls.length > 0 ? null : pieces.join(""),
    ...(calls.length > 0 ? { tool_calls: toolCalls } : {}),
    refusal: null,
    annotations: [],
  };
  return { index, message, logprobs: null, finish_reason: reason };
}
