/** OpenAI's chat wire JSON, our canonical form. Only what we touch is typed; the rest passes through untouched. */
import type { JsonObject, JsonValue } from "./json.ts";

export interface ChatMessage {
  readonly role: string;
  readonly content?: string | null | readonly ContentPart[];
  readonly tool_calls?: readonly ToolCall[];
  readonly tool_call_id?: string;
  readonly name?: string;
  readonly [other: string]: JsonValue | undefined;
}

export interface ContentPart {
  readonly type: string;
  readonly text?: string;
  readonly [other: string]: JsonValue | undefined;
}

export interface ToolCall {
  readonly id: string;
  readonly type: "function";
  readonly function: { readonly name: string /** JSON text. */; readonly arguments: string };
  readonly [other: string]: JsonValue | undefined;
}

/** The body of a chat request after the edge has checked that `messages` is a non-empty array of objects. */
export interface ChatRequest extends JsonObject {
  readonly messages: readonly ChatMessage[];
  readonly model?: string;
  readonly stream?: boolean;
  readonly stream_options?: { readonly include_usage?: boolean };
  readonly max_tokens?: number | null;
  readonly max_completion_tokens?: number | null;
  readonly temperature?: number | null;
  readonly top_p?: number | null;
  readonly top_k?: number | null;
}

export type FinishReason = "stop" | "length" | "tool_calls" | "content_filter";

/** A `chat.completion`. */
export interface ChatResponse extends JsonObject {
  readonly id: string;
  readonly object: "chat.completion";
  readonly created: number;
  readonly model: string;
  readonly choices: readonly JsonObject[];
}
