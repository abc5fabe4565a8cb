/** A chat answer as OpenAI streams it: role, content or tool calls in pieces, finish, usage if asked for, `[DONE]`. */
import type { FinishReason } from "../../../llm/chat.ts";
import { isJsonObject, type JsonObject } from "../../../llm/json.ts";
import type { StreamEvent } from "../../endpoint.ts";
import { groupTokens } from "../../text/tokens.ts";

export interface ChatReply {
  readonly id: string;
  /** Seconds since 1970. */
  readonly created: number;
  readonly model: string;
  readonly choices: readonly Choice[];
  readonly usage: JsonObject | undefined;
}

export interface Choice {
  readonly index: number;
  /** The text in token-like pieces. */
  readonly pieces: readonly string[];
  readonly calls: readonly {
    readonly id: string;
    readonly name: string;
    readonly pieces: readonly string[];
  }[];
  readonly finishReason: FinishReason;
}

export function* streamChat(reply: ChatReply, body: JsonObject): Generator<StreamEvent> {
  const options = body["stream_options"];
  const includesUsage =
    isJsonObject(options) && options["include_usage"] === true && reply.usage !== undefined;
  const head = { id: reply.id, object: "chat.completion.chunk", created: reply.created, model: reply.model };
  const chunk = (choices: readonly JsonObject[], usage: JsonObject | null, tokens = 0): StreamEvent => {
    const tail = includesUsage ? { usage } : {};
    const json = { ...head, service_tier: "default", system_fingerprint: "fp_simulator", choices, ...tail };
    return { text: `data: ${JSON.stringify(json)}\n\n`, tokens };
  };
  for (const choice of reply.choices) {
    for (const { delta, tokens } of deltas(choice)) {
      yield chunk([{ index: choice.index, delta, logprobs: null, finish_reason: null }], null, tokens);
    }
    yield chunk(
      [{ index: choice.index, delta: {}, logprobs: null, finish_reason: choice.finishReason }],
      null,
    );
  }
  if (includesUsage && reply.usage !== undefined) yield chunk([], reply.usage);
  yield { text: "data: [DONE]\n\n", tokens: 0, terminal: true };
}

interface Delta {
  readonly delta: JsonObject;
  readonly tokens: number;
}

function* deltas({ pieces, calls }: Choice): Generator<Delta> {
  const content = calls.length > 0 ? null : "";
  yield { delta: { role: "assistant", content, refusal: null }, tokens: 0 };
  for (const part of groupTokens(pieces)) yield { delta: { content: part.text }, tokens: part.tokens };
  for (const [index, call] of calls.entries()) {
    const opening = { index, id: call.id, type: "function", function: { name: call.name, arguments: "" } };
    yield { delta: { tool_calls: [opening] }, tokens: 0 };
    for (const part of groupTokens(call.pieces)) {
      yield { delta: { tool_calls: [{ index, function: { arguments: part.text } }] }, tokens: part.tokens };
    }
  }
}
