/** Contract of the provider family: an adapter between OpenAI's wire JSON and one vendor's API. */
import type { ServerSentEvent } from "../http/sse.ts";
import type { ChatRequest, ChatResponse } from "../llm/chat.ts";
import type { JsonObject } from "../llm/json.ts";
import type { Usage } from "../llm/usage.ts";
import type { ModelOptions } from "./model-options.ts";

/** What a target asks of its provider, templates already filled in. */
export interface UpstreamModel {
  /** The vendor's name of the model. */
  readonly name: string;
  readonly options: ModelOptions;
}

/** One upstream call, before credentials are added and the body is written out. */
export interface EncodedRequest {
  readonly body: JsonObject;
  /** Lower-case names; `content-type` and credentials are added by the engine. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What of the client's request this vendor cannot honour, one sentence each. Never dropped in silence. */
  readonly warnings?: readonly string[];
}

/** A whole answer read. */
export interface DecodedAnswer {
  /** The answer in OpenAI's form. Absent: the vendor's bytes already are, and are relayed as they came. */
  readonly response?: ChatResponse;
  readonly usage?: Usage;
  /** The model the vendor says it used. */
  readonly responseModel?: string;
  readonly finishReason?: string;
}

/** Where a stream decoder puts what it reads. Called in order, any number of times per event. */
export interface ChunkSink {
  /** One `chat.completion.chunk` as JSON text, without line breaks. */
  chunk(json: string): void;
  /** Tokens so far, cumulative: a later call replaces an earlier one. */
  usage(usage: Usage): void;
  /** The model the vendor says it used. */
  model(name: string): void;
  /**
   * The vendor said that the answer is complete. A stream that ends without it was cut. Called at most once;
   * a usage chunk and `usage` may still follow, so go on reading to the end of the stream.
   */
  complete(finishReason: string | undefined): void;
  /**
   * The vendor reported an error inside the stream, or sent what cannot be decoded; `message` is for the client.
   * Nothing follows it.
   */
  fail(message: string): void;
}

/** A state machine fed with one vendor's events; a new one for each stream. Never throws, whatever the vendor sends. */
export interface StreamDecoder {
  push(event: ServerSentEvent, sink: ChunkSink): void;
}

export interface StreamOptions {
  /** The client asked for a usage chunk (`stream_options.include_usage`); without it none may reach the client. */
  readonly includeUsage: boolean;
  /** The configured name of the model, for vendors that do not repeat it. */
  readonly model: string;
  /** Unix seconds, for vendors that send no `created`. */
  readonly createdSeconds: number;
  /** How many choices the client asked for (`n`), 1 when absent: the answer is complete when all of them have ended. */
  readonly choices?: number;
}

/** Chat completions as one vendor speaks them. Everything here is pure, so that a retry can encode again. */
export interface ChatOperation {
  /** Canonical request → vendor body. Options are already merged into the request by the engine. Throws `GatewayError("untranslatable")`. */
  encode(request: ChatRequest, model: UpstreamModel): EncodedRequest;
  /** Vendor's parsed JSON → canonical answer. Throws `GatewayError("upstream_unusable")` when it is not an answer. */
  decode(body: unknown, context: { readonly model: string; readonly createdSeconds: number }): DecodedAnswer;
  stream(options: StreamOptions): StreamDecoder;
}

export interface Provider {
  /** The value of `model.provider` in the config. */
  readonly name: string;
  /** One sentence; the reference page starts with it. */
  readonly summary: string;
  /** Settings of `model.options` that this provider cannot do without, e.g. `anthropic_version`. */
  readonly requiredOptions?: readonly string[];
  /** Full URL of an operation, used where the target has no `upstream_url`; the engine puts `upstream_path` in. */
  endpoint(operation: "chat", model: UpstreamModel): string;
  /** Headers every call carries, besides credentials. */
  headers?(model: UpstreamModel): Readonly<Record<string, string>>;
  /** Absent: this vendor is not offered for chat. */
  readonly chat?: ChatOperation;
}

/** Declares a member of the family; exists so that a typo in a definition is a compile error. */
export function defineProvider(provider: Provider): Provider {
  return provider;
}
