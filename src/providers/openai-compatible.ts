/** The base of every vendor that speaks OpenAI's chat dialect: a preset gives facts, the behaviour is here. */
import type { ChatMessage, ChatRequest } from "../llm/chat.ts";
import { isJsonObject, type JsonValue } from "../llm/json.ts";
import { createChunkDecoder } from "./openai-compatible-stream.ts";
import { readUsage } from "./openai-compatible-usage.ts";
import {
  type DecodedAnswer,
  defineProvider,
  type EncodedRequest,
  type Provider,
  type UpstreamModel,
} from "./provider.ts";
import { mergeExtraBody, readArray, readOutputLimit, readText, unusableAnswer } from "./wire.ts";

/** How one vendor differs from the others that speak the dialect. */
export interface OpenAiCompatibleFacts {
  /** The value of `model.provider` in the config. */
  readonly name: string;
  /** One sentence; the reference page starts with it. */
  readonly summary: string;
  /** Scheme, host and port; a function where they depend on the target's options. */
  readonly baseUrl: string | ((model: UpstreamModel) => string);
  /** Path of chat completions, from the slash; a function where it depends on the target's options. */
  readonly chatPath: string | ((model: UpstreamModel) => string);
  readonly requiredOptions?: readonly string[];
  /** Fields that this vendor refuses: left out, with a warning when a client sends them. */
  readonly refusedFields?: readonly string[];
  /** True for a model that refuses `max_tokens` and wants `max_completion_tokens`. Default: none does. */
  readonly refusesMaxTokens?: (modelName: string) => boolean;
  /** False where `stream_options` is refused, so that no usage can be asked of a stream. Default true. */
  readonly countsStreams?: boolean;
}

/** Makes a provider of a vendor's facts. Answers and chunks are the vendor's own bytes; fields we do not know pass. */
export function defineOpenAiCompatible(facts: OpenAiCompatibleFacts): Provider {
  return defineProvider({
    name: facts.name,
    summary: facts.summary,
    ...(facts.requiredOptions && { requiredOptions: facts.requiredOptions }),
    endpoint: (_operation, model) => resolve(facts.baseUrl, model) + resolve(facts.chatPath, model),
    chat: {
      encode: (request, model) => encode(facts, request, model),
      decode: (body) => decode(facts.name, body),
      stream: createChunkDecoder,
    },
  });
}

function resolve(fact: string | ((model: UpstreamModel) => string), model: UpstreamModel): string {
  return typeof fact === "string" ? fact : fact(model);
}

function encode(facts: OpenAiCompatibleFacts, original: ChatRequest, model: UpstreamModel): EncodedRequest {
  const request = mergeExtraBody(original);
  const body: Body = {
    ...request,
    model: model.name,
    messages: withoutThinkingBlocks(request.messages),
    stream: original.stream === true,
  };
  const warnings: string[] = [];
  for (const field of facts.refusedFields ?? []) {
    if (body[field] !== undefined && body[field] !== null) {
      warnings.push(`${field} is not sent: ${facts.name} has no such parameter`);
    }
    // Deleting even an absent field would make the object slow to write out.
    if (field in body) delete body[field];
  }
  setOutputLimit(body, readOutputLimit(request), facts.refusesMaxTokens?.(model.name) ?? false);
  setStreamOptions(body, facts.countsStreams ?? true);
  return { body, ...(warnings.length > 0 && { warnings }) };
}

type Body = Record<string, JsonValue | undefined>;

/**
 * `thinking_blocks` is what our translating adapters add to an answer, signed by the vendor that gave it. A client sends
 * it back with the conversation; to another vendor it is an unknown field, which strict servers refuse.
 */
function withoutThinkingBlocks(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  if (!messages.some((message) => message["thinking_blocks"] !== undefined)) return messages;
  return messages.map(({ thinking_blocks: _blocks, ...message }) => message);
}

/** One limit under one name: two at once are refused, and the lower one is what config and client both agreed to. */
function setOutputLimit(body: Body, limit: number | undefined, refusesMaxTokens: boolean): void {
  const hasBoth = typeof body["max_tokens"] === "number" && typeof body["max_completion_tokens"] === "number";
  if (refusesMaxTokens) {
    if ("max_tokens" in body) delete body["max_tokens"];
    if (limit !== undefined) body["max_completion_tokens"] = limit;
  } else if (hasBoth) {
    delete body["max_completion_tokens"];
    if (limit !== undefined) body["max_tokens"] = limit;
  }
}

/** Streams are always counted, whether or not the client wants to see it; without a stream the options are refused. */
function setStreamOptions(body: Body, countsStreams: boolean): void {
  const asked = body["stream_options"];
  if (asked !== undefined) delete body["stream_options"];
  if (body["stream"] !== true || !countsStreams) return;
  body["stream_options"] = { ...(isJsonObject(asked) && asked), include_usage: true };
}

function decode(provider: string, body: unknown): DecodedAnswer {
  const choices = isJsonObject(body) ? body["choices"] : undefined;
  if (!isJsonObject(body) || !Array.isArray(choices)) {
    throw unusableAnswer(provider, "'choices' not in llm/v1/chat response");
  }
  const [first] = readArray(choices);
  const usage = readUsage(body["usage"], readText(body["service_tier"]));
  const responseModel = readText(body["model"]);
  const finishReason = isJsonObject(first) ? readText(first["finish_reason"]) : undefined;
  return {
    ...(usage && { usage }),
    ...(responseModel !== undefined && { responseModel }),
    ...(finishReason !== undefined && { finishReason }),
  };
}
