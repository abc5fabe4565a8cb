/** A message as Anthropic streams it: https://docs.anthropic.com/en/docs/build-with-claude/streaming */
import type { JsonObject } from "../../../llm/json.ts";
import type { ComposedCall } from "../../compose.ts";
import type { StreamEvent } from "../../endpoint.ts";
import { groupTokens } from "../../text/tokens.ts";

export interface MessageReply {
  readonly id: string;
  readonly model: string;
  /** The text in token-like pieces. */
  readonly pieces: readonly string[];
  readonly calls: readonly (ComposedCall & { readonly id: string })[];
  readonly stopReason: "end_turn" | "max_tokens" | "stop_sequence" | "tool_use";
  readonly stopSequence: string | null;
  readonly usage: { readonly input: JsonObject; readonly outputTokens: number } | undefined;
}

export function* streamMessage(reply: MessageReply): Generator<StreamEvent> {
  const { id, model, usage, stopReason, stopSequence } = reply;
  const empty = {
    id,
    type: "message",
    role: "assistant",
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
  };
  // The vendor counts the opening as one token of output.
  const opening = usage === undefined ? {} : { usage: { ...usage.input, output_tokens: 1 } };
  yield event("message_start", { message: { ...empty, ...opening } });
  yield* blocks(reply);
  const final = usage === undefined ? {} : { usage: { ...usage.input, output_tokens: usage.outputTokens } };
  yield event("message_delta", { delta: { stop_reason: stopReason, stop_sequence: stopSequence }, ...final });
  yield { ...event("message_stop", {}), terminal: true };
}

function* blocks({ pieces, calls }: MessageReply): Generator<StreamEvent> {
  if (calls.length === 0) {
    yield* block(0, { type: "text", text: "" }, pieces, (text) => ({ type: "text_delta", text }));
    return;
  }
  for (const [index, { id, name, pieces: parts }] of calls.entries()) {
    yield* block(index, { type: "tool_use", id, name, input: {} }, parts, (text) => ({
      type: "input_json_delta",
      partial_json: text,
    }));
  }
}

function* block(
  index: number,
  start: JsonObject,
  pieces: readonly string[],
  delta: (text: string) => JsonObject,
): Generator<StreamEvent> {
  yield event("content_block_start", { index, content_block: start });
  if (index === 0) yield event("ping", {});
  for (const { text, tokens } of groupTokens(pieces)) {
    yield event("content_block_delta", { index, delta: delta(text) }, tokens);
  }
  yield event("content_block_stop", { index });
}

function event(type: string, facts: JsonObject, tokens = 0): StreamEvent {
  return { text: `event: ${type}\ndata: ${JSON.stringify({ type, ...facts })}\n\n`, tokens };
}
