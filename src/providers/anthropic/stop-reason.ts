/** Why the model stopped, in OpenAI's words. */
import type { FinishReason } from "../../llm/chat.ts";

const reasons: ReadonlyMap<string, FinishReason> = new Map([
  ["end_turn", "stop"],
  ["stop_sequence", "stop"],
  ["max_tokens", "length"],
  ["model_context_window_exceeded", "length"],
  ["tool_use", "tool_calls"],
  ["refusal", "content_filter"],
]);

/** `stop` for reasons without a counterpart, such as `pause_turn`; the vendor's word travels beside it. */
export function toFinishReason(stopReason: string): FinishReason {
  return reasons.get(stopReason) ?? "stop";
}
