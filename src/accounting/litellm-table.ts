/** LiteLLM's `model_prices_and_context_window.json` (github.com/BerriAI/litellm): one object per model, USD per token. */
import type { JsonObject } from "../llm/json.ts";
import {
  amount,
  newParts,
  type Parts,
  type PublicRow,
  placeOf,
  put,
  readObjects,
  toRow,
} from "./public-row.ts";
import type { RateName } from "./rates.ts";

const textModes = new Set<unknown>(["chat", "responses", "completion"]);
const rateNames: Readonly<Record<string, RateName>> = {
  input_cost_per_token: "input",
  output_cost_per_token: "output",
  cache_read_input_token_cost: "cache_read",
  cache_creation_input_token_cost: "cache_write",
  input_cost_per_audio_token: "audio_input",
  output_cost_per_audio_token: "audio_output",
  output_cost_per_reasoning_token: "reasoning",
};
/** `cache_creation_input_token_cost_above_1hr_above_200k_tokens_batches`: rate, life, context, tier. */
const keyPattern =
  /^(\w+?)(?:_above_(\d+)hr)?(?:_above_(\d+)k_tokens)?(?:_(batches|flex|priority|ultrafast))?$/;

/** One entry of the table. */
export function readLitellm(name: string, value: JsonObject): readonly PublicRow[] {
  const provider = value["litellm_provider"];
  if (typeof provider !== "string" || !textModes.has(value["mode"])) return [];
  const parts = newParts();
  for (const [key, perToken] of Object.entries(value)) addPrice(parts, key, perToken);
  addTieredPricing(parts, value["tiered_pricing"]);
  const model = name.startsWith(`${provider}/`) ? name.slice(provider.length + 1) : name;
  const more = { provider, source: text(value["source"]), endsOn: text(value["deprecation_date"]) };
  return toRow(model, parts, more);
}

function addPrice(parts: Parts, key: string, perToken: unknown): void {
  const [, rate, hours, thousands, tier] = keyPattern.exec(key) ?? [];
  const name = rateNames[rate ?? ""];
  if (name === undefined) return;
  const place = placeOf(parts, tier === "batches" ? "batch" : tier, Number(thousands ?? 0) * 1000);
  put(place, hours === undefined ? name : `${name}_${hours}h`, perMillion(perToken));
}

/** `[{ range: [from, to], input_cost_per_token, … }]` in place of all else. */
function addTieredPricing(parts: Parts, tiered: unknown): void {
  for (const step of readObjects(tiered)) {
    const { range } = step;
    if (!Array.isArray(range)) continue;
    const place = placeOf(parts, undefined, Number(range[0]));
    for (const [key, name] of Object.entries(rateNames)) put(place, name, perMillion(step[key]));
  }
}

function perMillion(perToken: unknown): number | undefined {
  return typeof perToken === "number" ? amount(perToken * 1e6) : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
