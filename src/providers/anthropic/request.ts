/** A chat request in OpenAI's form → a body for the Messages API. */
import type { ChatRequest } from "../../llm/chat.ts";
import type { JsonObject, JsonValue } from "../../llm/json.ts";
import type { EncodedRequest, UpstreamModel } from "../provider.ts";
import { mergeExtraBody } from "../wire.ts";
import { toConversation } from "./conversation.ts";
import { modelFacts } from "./models.ts";
import { toOutputConfig } from "./output-config.ts";
import { toMaxTokens, toMetadata, toOtherFields, toSampling, toServiceTier } from "./parameters.ts";
import { toToolFields } from "./tools.ts";

/** Pure. What the vendor has no words for is left out with a warning, or is an `untranslatable` error if it carries meaning. */
export function encodeRequest(original: ChatRequest, model: UpstreamModel): EncodedRequest {
  const request = mergeExtraBody(original);
  const facts = modelFacts(model.name);
  const warnings = new Set<string>();
  const { system, messages } = toConversation(request.messages, warnings);
  const output = toOutputConfig(request, facts, warnings);
  const prompt = addInstruction(system, output.instruction);
  if (prompt !== undefined && request["system"] !== undefined) {
    warnings.add("system is not sent: the system messages take its place");
  }
  const body: JsonObject = {
    ...toOtherFields(request, warnings),
    model: model.name,
    max_tokens: toMaxTokens(request),
    ...(prompt !== undefined && { system: prompt }),
    messages,
    ...toToolFields(request, facts, warnings),
    ...toSampling(request, facts, warnings),
    ...output.fields,
    ...toMetadata(request, warnings),
    ...toServiceTier(request, warnings),
    stream: original.stream === true,
  };
  return { body, ...(warnings.size > 0 && { warnings: [...warnings] }) };
}

/** The instruction comes last, behind any cached block, so that it does not disturb the prompt cache. */
function addInstruction(
  system: JsonValue | undefined,
  instruction: string | undefined,
): JsonValue | undefined {
  if (instruction === undefined || system === undefined) return instruction ?? system;
  if (typeof system === "string") return `${system}\n\n${instruction}`;
  const blocks: readonly JsonValue[] = Array.isArray(system) ? system : [system];
  return [...blocks, { type: "text", text: instruction }];
}
