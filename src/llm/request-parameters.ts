/** What a request asks of a model beside its prompt: numbers for records, without a word of the conversation. */
import type { ChatRequest } from "./chat.ts";

export interface RequestParameters {
  readonly maxTokens: number | undefined;
  readonly temperature: number | undefined;
  readonly topP: number | undefined;
  readonly topK: number | undefined;
  readonly frequencyPenalty: number | undefined;
  readonly presencePenalty: number | undefined;
  readonly seed: number | undefined;
  /** Answers asked for at once. */
  readonly choices: number | undefined;
  /** `response_format` asks for JSON, or for text; undefined where it says nothing. */
  readonly outputType: "json" | "text" | undefined;
}

/** Reads them from a request in the canonical form, options of the target included. */
export function requestParameters(request: ChatRequest): RequestParameters {
  return {
    maxTokens: numberIn(request["max_completion_tokens"]) ?? numberIn(request["max_tokens"]),
    temperature: numberIn(request["temperature"]),
    topP: numberIn(request["top_p"]),
    topK: numberIn(request["top_k"]),
    frequencyPenalty: numberIn(request["frequency_penalty"]),
    presencePenalty: numberIn(request["presence_penalty"]),
    seed: numberIn(request["seed"]),
    choices: numberIn(request["n"]),
    outputType: outputType(request["response_format"]),
  };
}

function numberIn(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function outputType(format: unknown): RequestParameters["outputType"] {
  const type = typeof format === "object" && format !== null && "type" in format ? format.type : undefined;
  if (type === "json_object" || type === "json_schema") return "json";
  return type === "text" ? "text" : undefined;
}
