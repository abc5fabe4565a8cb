/** Everything in a request that is neither message nor tool: limits, sampling, metadata, format, and the rest. */
import type { ChatRequest } from "../../llm/chat.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../llm/json.ts";
import { readArray, readOutputLimit, readText, readTokenCount } from "../wire.ts";
import type { Warnings } from "./content.ts";
import type { ModelFacts } from "./models.ts";

/** The API wants a limit. 4096 is the largest that every model still served accepts (Claude 3's own maximum). */
const defaultMaxTokens = 4096;

/** Fields without a counterpart → values (as JSON) that ask for nothing beyond what happens anyway. */
const unsupported: ReadonlyMap<string, readonly string[]> = new Map([
  ["n", ["1"]],
  ["logprobs", ["false"]],
  ["top_logprobs", ["0"]],
  ["seed", []],
  ["frequency_penalty", ["0"]],
  ["presence_penalty", ["0"]],
  ["logit_bias", ["{}"]],
  ["audio", []],
  ["modalities", ['["text"]']],
  ["prediction", []],
  ["store", ["false"]],
  ["verbosity", ['"medium"']],
  ["web_search_options", []],
  ["safety_identifier", []],
  ["prompt_cache_key", []],
  ["prompt_cache_retention", []],
  ["function_call", ['"none"', '"auto"']],
]);

/** Fields that are translated, here or elsewhere, and so do not pass as they are. */
const translated = new Set([
  "messages",
  "model",
  "stream",
  "stream_options",
  "max_tokens",
  "max_completion_tokens",
  "temperature",
  "top_p",
  "top_k",
  "stop",
  "user",
  "metadata",
  "service_tier",
  "tools",
  "tool_choice",
  "parallel_tool_calls",
  "functions",
  "response_format",
  "reasoning_effort",
  "output_config",
]);

/** Fields we do not know are the vendor's own (`thinking`, `cache_control`, …) and pass; OpenAI's alone are reported. */
export function toOtherFields(request: ChatRequest, warnings: Warnings): JsonObject {
  const passed = Object.entries(request).filter(([name, value]) => {
    if (value === undefined || value === null || translated.has(name)) return false;
    const inert = unsupported.get(name);
    if (inert && !inert.includes(JSON.stringify(value)))
      warnings.add(`${name} is not sent: the vendor has no such parameter`);
    return inert === undefined;
  });
  return Object.fromEntries(passed);
}

/** A thinking budget is part of the limit and must stay below it; the default leaves the usual room for the answer. */
export function toMaxTokens(request: ChatRequest): number {
  const limit = readOutputLimit(request);
  if (limit !== undefined) return limit;
  const thinking = request["thinking"];
  const budget = isJsonObject(thinking) ? readTokenCount(thinking["budget_tokens"]) : undefined;
  return defaultMaxTokens + (budget ?? 0);
}

/** temperature, top_p, top_k and stop, cut to what the API and the model accept. */
export function toSampling(request: ChatRequest, facts: ModelFacts, warnings: Warnings): JsonObject {
  const stop = toStopSequences(request["stop"], warnings);
  const asked: Record<string, JsonValue> = {};
  for (const name of ["temperature", "top_p", "top_k"] as const) {
    const value = request[name];
    if (value === undefined || value === null) continue;
    if (facts.acceptsSampling) asked[name] = value;
    else warnings.add(`${name} is not sent: this model does not take sampling parameters`);
  }
  clampTemperature(asked, warnings);
  if (
    !facts.acceptsTemperatureWithTopP &&
    asked["temperature"] !== undefined &&
    asked["top_p"] !== undefined
  ) {
    delete asked["top_p"];
    warnings.add("top_p is not sent: this model takes temperature or top_p, not both");
  }
  return { ...asked, ...(stop.length > 0 && { stop_sequences: stop }) };
}

function clampTemperature(asked: Record<string, JsonValue>, warnings: Warnings): void {
  const temperature = asked["temperature"];
  if (typeof temperature !== "number" || temperature <= 1) return;
  asked["temperature"] = 1;
  warnings.add("temperature is sent as 1: the vendor's range ends there");
}

function toStopSequences(stop: unknown, warnings: Warnings): readonly string[] {
  const given = (typeof stop === "string" ? [stop] : readArray(stop)).filter(
    (text) => typeof text === "string",
  );
  const kept = given.filter((text) => text.trim() !== "");
  if (kept.length < given.length)
    warnings.add("stop sequences of white space are not sent: the vendor refuses them");
  return kept;
}

/** The vendor's metadata is a user id and nothing else. */
export function toMetadata(request: ChatRequest, warnings: Warnings): JsonObject {
  const metadata = isJsonObject(request["metadata"]) ? request["metadata"] : {};
  if (Object.keys(metadata).some((name) => name !== "user_id")) {
    warnings.add("metadata is not sent, except user_id: the vendor stores no other");
  }
  const userId = readText(metadata["user_id"]) ?? readText(request["user"]);
  return userId === undefined ? {} : { metadata: { user_id: userId } };
}

const serviceTiers: ReadonlyMap<string, string> = new Map([
  ["auto", "auto"],
  ["default", "standard_only"],
  ["standard_only", "standard_only"],
]);

export function toServiceTier(request: ChatRequest, warnings: Warnings): JsonObject {
  const asked = readText(request["service_tier"]);
  if (asked === undefined) return {};
  const tier = serviceTiers.get(asked);
  if (tier !== undefined) return { service_tier: tier };
  warnings.add("service_tier is not sent: the vendor has only auto and standard_only");
  return {};
}
