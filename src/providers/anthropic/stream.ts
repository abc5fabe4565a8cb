/** Events of a Messages API stream → `chat.completion.chunk`s. */
import type { ServerSentEvent } from "../../http/sse.ts";
import type { FinishReason } from "../../llm/chat.ts";
import { isJsonObject, type JsonObject } from "../../llm/json.ts";
import type { Usage } from "../../llm/usage.ts";
import type { ChunkSink, StreamDecoder, StreamOptions } from "../provider.ts";
import { parseJson, readErrorMessage, readText, undecodableEvent } from "../wire.ts";
import { fallbackId } from "./response.ts";
import { toFinishReason } from "./stop-reason.ts";
import { readUsage, toOpenAiUsage } from "./usage.ts";

/** A block that the vendor has begun and not yet ended. */
type OpenBlock =
  | { readonly type: "text"; hasText: boolean }
  | { readonly type: "tool"; readonly index: number; hasArguments: boolean }
  | { readonly type: "thinking"; readonly block: JsonObject; thinking: string; signature: string };

type Handler = (decoder: MessageDecoder, data: JsonObject, sink: ChunkSink) => void;
type DeltaHandler = (
  decoder: MessageDecoder,
  delta: JsonObject,
  block: OpenBlock | undefined,
  sink: ChunkSink,
) => void;

/** Events whose names are not in its table (`ping`, and those to come) are passed over, as the vendor asks. */
export function createMessageDecoder(options: StreamOptions): StreamDecoder {
  return new MessageDecoder(options);
}

class MessageDecoder implements StreamDecoder {
  readonly #options: StreamOptions;
  #id: string;
  #model: string;
  #usageFields: JsonObject = {};
  #usage: Usage | undefined;
  #finishReason: FinishReason | undefined;
  readonly #blocks = new Map<unknown, OpenBlock>();
  #toolCount = 0;
  #hasText = false;
  #hasThought = false;
  #isOver = false;

  constructor(options: StreamOptions) {
    this.#options = options;
    this.#id = fallbackId(options.createdSeconds);
    this.#model = options.model;
  }

  static readonly #byEvent: ReadonlyMap<unknown, Handler> = new Map([
    ["message_start", (decoder, data, sink) => decoder.#onMessageStart(data, sink)],
    ["content_block_start", (decoder, data, sink) => decoder.#onBlockStart(data, sink)],
    ["content_block_delta", (decoder, data, sink) => decoder.#onBlockDelta(data, sink)],
    ["content_block_stop", (decoder, data, sink) => decoder.#onBlockStop(data, sink)],
    ["message_delta", (decoder, data, sink) => decoder.#onMessageDelta(data, sink)],
    ["message_stop", (decoder, _data, sink) => decoder.#onMessageStop(sink)],
    ["error", (decoder, data, sink) => decoder.#fail(readErrorMessage(data), sink)],
  ]);

  /** Without the tools that run at the vendor's: OpenAI's chunks have no place for them. */
  static readonly #byBlock: ReadonlyMap<unknown, Handler> = new Map([
    ["text", (decoder, data, sink) => decoder.#onTextStart(data, sink)],
    ["tool_use", (decoder, data, sink) => decoder.#onToolStart(data, sink)],
    ["thinking", (decoder, data, sink) => decoder.#onThinkingStart(data, sink)],
    ["redacted_thinking", (decoder, data, sink) => decoder.#onThinkingStart(data, sink)],
  ]);

  static readonly #byDelta: ReadonlyMap<unknown, DeltaHandler> = new Map([
    ["text_delta", (decoder, delta, block, sink) => decoder.#onText(delta, block, sink)],
    ["input_json_delta", (decoder, delta, block, sink) => decoder.#onArguments(delta, block, sink)],
    ["thinking_delta", (decoder, delta, block, sink) => decoder.#onThinking(delta, block, sink)],
    ["signature_delta", (decoder, delta, block) => decoder.#onSignature(delta, block)],
  ]);

  /** Every event says its type twice; the data's word counts, since proxies lose the `event:` line. */
  push(event: ServerSentEvent, sink: ChunkSink): void {
    if (this.#isOver || event.data.trim() === "") return;
    const data = parseJson(event.data);
    if (isJsonObject(data)) MessageDecoder.#byEvent.get(data["type"] ?? event.event)?.(this, data, sink);
    else this.#fail(undecodableEvent, sink);
  }

  #onMessageStart(data: JsonObject, sink: ChunkSink): void {
    const message = readObject(data["message"]);
    this.#id = readText(message["id"]) ?? this.#id;
    this.#model = readText(message["model"]) ?? this.#model;
    sink.model(this.#model);
    this.#readUsage(message["usage"], sink);
    this.#emit({ role: "assistant", content: "" }, sink);
  }

  #onBlockStart(data: JsonObject, sink: ChunkSink): void {
    MessageDecoder.#byBlock.get(readObject(data["content_block"])["type"])?.(this, data, sink);
  }

  #onTextStart(data: JsonObject, sink: ChunkSink): void {
    const open: OpenBlock = { type: "text", hasText: false };
    this.#blocks.set(data["index"], open);
    this.#onText(readObject(data["content_block"]), open, sink);
  }

  #onToolStart(data: JsonObject, sink: ChunkSink): void {
    const { id, name, input } = readObject(data["content_block"]);
    const open: OpenBlock = { type: "tool", index: this.#toolCount, hasArguments: false };
    this.#blocks.set(data["index"], open);
    this.#toolCount += 1;
    const target = { name: readText(name) ?? "", arguments: "" };
    this.#emitTool(open.index, { id: readText(id) ?? "", type: "function", function: target }, sink);
    // The vendor sends `{}` here and the arguments as deltas; imitations of its API send all of them at once.
    if (Object.keys(readObject(input)).length > 0)
      this.#onArguments({ partial_json: JSON.stringify(input) }, open, sink);
  }

  #onThinkingStart(data: JsonObject, sink: ChunkSink): void {
    const block = readObject(data["content_block"]);
    const open: OpenBlock = {
      type: "thinking",
      block,
      thinking: "",
      signature: readText(block["signature"]) ?? "",
    };
    this.#blocks.set(data["index"], open);
    this.#onThinking(block, open, sink);
  }

  #onBlockDelta(data: JsonObject, sink: ChunkSink): void {
    const delta = readObject(data["delta"]);
    MessageDecoder.#byDelta.get(delta["type"])?.(this, delta, this.#blocks.get(data["index"]), sink);
  }

  /** Blocks of text are lines of one content, as in a whole answer. */
  #onText(delta: JsonObject, block: OpenBlock | undefined, sink: ChunkSink): void {
    const text = readText(delta["text"]);
    if (text === undefined || block?.type !== "text") return;
    const isNextLine = this.#hasText && !block.hasText;
    block.hasText = true;
    this.#hasText = true;
    this.#emit({ content: isNextLine ? `\n${text}` : text }, sink);
  }

  #onArguments(delta: JsonObject, block: OpenBlock | undefined, sink: ChunkSink): void {
    const json = readText(delta["partial_json"]);
    if (json === undefined || block?.type !== "tool") return;
    block.hasArguments = true;
    this.#emitTool(block.index, { function: { arguments: json } }, sink);
  }

  #onThinking(delta: JsonObject, block: OpenBlock | undefined, sink: ChunkSink): void {
    const thinking = readText(delta["thinking"]);
    if (thinking === undefined || block?.type !== "thinking") return;
    const isNextLine = this.#hasThought && block.thinking === "";
    block.thinking += thinking;
    this.#hasThought = true;
    this.#emit({ reasoning_content: isNextLine ? `\n${thinking}` : thinking }, sink);
  }

  #onSignature(delta: JsonObject, block: OpenBlock | undefined): void {
    if (block?.type === "thinking") block.signature += readText(delta["signature"]) ?? "";
  }

  #onBlockStop(data: JsonObject, sink: ChunkSink): void {
    const block = this.#blocks.get(data["index"]);
    this.#blocks.delete(data["index"]);
    // A call without arguments streams none; clients parse them as JSON all the same.
    if (block?.type === "tool" && !block.hasArguments) this.#onArguments({ partial_json: "{}" }, block, sink);
    if (block?.type === "thinking") this.#emit({ thinking_blocks: [toThinkingBlock(block)] }, sink);
  }

  #onMessageDelta(data: JsonObject, sink: ChunkSink): void {
    this.#readUsage(data["usage"], sink);
    const stopReason = readText(readObject(data["delta"])["stop_reason"]);
    if (stopReason === undefined) return;
    this.#finishReason = toFinishReason(stopReason);
    const end = { finish_reason: this.#finishReason, native_finish_reason: stopReason };
    this.#emitChunk([{ index: 0, delta: {}, logprobs: null, ...end }], {}, sink);
  }

  #onMessageStop(sink: ChunkSink): void {
    this.#isOver = true;
    const shown = this.#options.includeUsage ? this.#usage : undefined;
    if (shown) this.#emitChunk([], { usage: toOpenAiUsage(shown) }, sink);
    sink.complete(this.#finishReason);
  }

  /** `message_delta` counts cumulatively and repeats only some fields; those of `message_start` are provisional. */
  #readUsage(fields: unknown, sink: ChunkSink): void {
    if (!isJsonObject(fields)) return;
    const counted = Object.entries(fields).filter(([, value]) => value !== null);
    this.#usageFields = { ...this.#usageFields, ...Object.fromEntries(counted) };
    this.#usage = readUsage(this.#usageFields);
    if (this.#usage) sink.usage(this.#usage);
  }

  #emitTool(index: number, call: JsonObject, sink: ChunkSink): void {
    this.#emit({ tool_calls: [{ index, ...call }] }, sink);
  }

  #emit(delta: JsonObject, sink: ChunkSink): void {
    this.#emitChunk([{ index: 0, delta, logprobs: null, finish_reason: null }], {}, sink);
  }

  #emitChunk(choices: readonly JsonObject[], more: JsonObject, sink: ChunkSink): void {
    const created = this.#options.createdSeconds;
    const head = { id: this.#id, object: "chat.completion.chunk", created, model: this.#model };
    sink.chunk(JSON.stringify({ ...head, choices, ...more }));
  }

  #fail(message: string, sink: ChunkSink): void {
    this.#isOver = true;
    sink.fail(message);
  }
}

/** The block as the vendor would have sent it whole, for the client to send back. */
function toThinkingBlock(open: Extract<OpenBlock, { type: "thinking" }>): JsonObject {
  if (open.block["type"] !== "thinking") return open.block;
  return { ...open.block, thinking: open.thinking, signature: open.signature };
}

function readObject(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}
