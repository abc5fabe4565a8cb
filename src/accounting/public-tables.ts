/**
 * Reads other people's public price tables into the shape of our rows: LiteLLM's `model_prices_and_context_window.json`
 * and the API of models.dev. Only models that answer with text. What either calls 0 is mostly "not known" there, so that
 * it is taken for that: a model without a price for its input and its output is left out.
 */
import { isJsonObject, type JsonObject } from "../llm/json.ts";
import type { PriceRow } from "./price-row.ts";
import type { RateName, Rates } from "./rates.ts";

/** The prices of a row, without its provenance. */
export type RowPrices = Omit<PriceRow, "aliases" | "source" | "date" | "from">;

export interface PublicRow {
  /** In their words. */
  readonly provider: string;
  readonly prices: RowPrices;
  /** The vendor's page, where they name one. */
  readonly source: string | undefined;
  /** `YYYY-MM-DD`, from which on the vendor does not serve the model, where they say so. */
  readonly endsOn: string | undefined;
}

export interface PublicTable {
  readonly format: "litellm" | "models_dev";
  readonly rows: readonly PublicRow[];
}

/** Undefined for JSON that is neither. */
export function readPublicTable(json: unknown): PublicTable | undefined {
  if (!isJsonObject(json)) return undefined;
  const entries = Object.entries(json).filter((entry): entry is [string, JsonObject] =>
    isJsonObject(entry[1]),
  );
  if (entries.some(([, value]) => typeof value["litellm_provider"] === "string"))
    return { format: "litellm", rows: entries.flatMap(([name, value]) => readLitellm(name, value)) };
  if (entries.some(([, value]) => isJsonObject(value["models"])))
    return { format: "models_dev", rows: entries.flatMap(([name, value]) => readModelsDev(name, value)) };
  return undefined;
}

type Part = Record<string, number>;
interface Parts {
  readonly base: Part;
  readonly context: Map<number, Part>;
  readonly tiers: Map<string, { readonly base: Part; readonly context: Map<number, Part> }>;
}

const litellmModes = new Set<unknown>(["chat", "responses", "completion"]);
const litellmRates: Readonly<Record<string, RateName>> = {
  input_cost_per_token: "input",
  output_cost_per_token: "output",
  cache_read_input_token_cost: "cache_read",
  cache_creation_input_token_cost: "cache_write",
  input_cost_per_audio_token: "audio_input",
  output_cost_per_audio_token: "audio_output",
  output_cost_per_reasoning_token: "reasoning",
};
/** `cache_creation_input_token_cost_above_1hr_above_200k_tokens_batches`: rate, life, context, tier. */
const litellmKey =
  /^(\w+?)(?:_above_(\d+)hr)?(?:_above_(\d+)k_tokens)?(?:_(batches|flex|priority|ultrafast))?$/;

function readLitellm(name: string, value: JsonObject): readonly PublicRow[] {
  const provider = value["litellm_provider"];
  if (typeof provider !== "string" || !litellmModes.has(value["mode"])) return [];
  const parts = newParts();
  for (const [key, perToken] of Object.entries(value)) addLitellm(parts, key, perToken);
  addTieredPricing(parts, value["tiered_pricing"]);
  const model = name.startsWith(`${provider}/`) ? name.slice(provider.length + 1) : name;
  return toRow(provider, model, parts, text(value["source"]), text(value["deprecation_date"]));
}

function addLitellm(parts: Parts, key: string, perToken: unknown): void {
  const [, rate, hours, thousands, tier] = litellmKey.exec(key) ?? [];
  const name = litellmRates[rate ?? ""];
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
    for (const [key, name] of Object.entries(litellmRates)) put(place, name, perMillion(step[key]));
  }
}

const modelsDevRates: Readonly<Record<string, RateName>> = {
  input: "input",
  output: "output",
  cache_read: "cache_read",
  cache_write: "cache_write",
  input_audio: "audio_input",
  output_audio: "audio_output",
  reasoning: "reasoning",
};

function readModelsDev(provider: string, { models }: JsonObject): readonly PublicRow[] {
  if (!isJsonObject(models)) return [];
  return Object.entries(models).flatMap(([model, value]) => {
    const cost = isJsonObject(value) && answersText(value) ? value["cost"] : undefined;
    return isJsonObject(cost) ? toRow(provider, model, modelsDevParts(cost), undefined, undefined) : [];
  });
}

function modelsDevParts(cost: JsonObject): Parts {
  const parts = newParts();
  addModelsDev(parts.base, cost);
  const longer = cost["context_over_200k"];
  if (isJsonObject(longer)) addModelsDev(placeOf(parts, undefined, 200_000), longer);
  for (const step of readObjects(cost["tiers"])) {
    const { tier } = step;
    if (isJsonObject(tier) && tier["type"] === "context")
      addModelsDev(placeOf(parts, undefined, Number(tier["size"])), step);
  }
  return parts;
}

function readObjects(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

function answersText(value: JsonObject): boolean {
  const modalities = value["modalities"];
  const output = isJsonObject(modalities) ? modalities["output"] : undefined;
  return !Array.isArray(output) || output.includes("text");
}

function addModelsDev(place: Part, cost: JsonObject): void {
  for (const [key, name] of Object.entries(modelsDevRates)) put(place, name, amount(cost[key]));
}

function newParts(): Parts {
  return { base: {}, context: new Map(), tiers: new Map() };
}

function placeOf(parts: Parts, tier: string | undefined, above: number): Part {
  if (tier !== undefined)
    return placeOf({ ...entry(parts.tiers, tier, newParts), tiers: new Map() }, undefined, above);
  return above > 0 ? entry(parts.context, above, () => ({})) : parts.base;
}

function entry<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}

function put(place: Part, name: string, value: number | undefined): void {
  if (value !== undefined) place[name] = value;
}

function toRow(
  provider: string,
  model: string,
  parts: Parts,
  source: string | undefined,
  endsOn: string | undefined,
): readonly PublicRow[] {
  const base = withoutUnknown(parts.base);
  const { input, output } = base;
  if (!input || !output) return [];
  const context = steps(parts.context);
  const tiers = [...parts.tiers].flatMap(([word, tier]) => {
    const rates = withoutUnknown(tier.base);
    const own = steps(tier.context);
    if (rates.input === undefined || rates.output === undefined) return [];
    return [[word, { ...rates, ...(own.length > 0 && { context: own }) }] as const];
  });
  const prices: RowPrices = {
    model,
    ...base,
    input,
    output,
    ...(context.length > 0 && { context: [...context] }),
    ...(tiers.length > 0 && { tiers: Object.fromEntries(tiers) }),
  };
  return [{ provider, prices, source, endsOn }];
}

/** Without zeros beside a price, and without what says nothing new. */
function withoutUnknown(part: Part): Rates {
  const rates: Part = {};
  for (const [name, rate] of Object.entries(part)) {
    const isBase = name === "input" || name === "output";
    if (!isBase && rate === 0) continue;
    if (name === "audio_input" && rate === part["input"]) continue;
    if ((name === "audio_output" || name === "reasoning") && rate === part["output"]) continue;
    rates[name] = rate;
  }
  return rates;
}

function steps(context: ReadonlyMap<number, Part>): NonNullable<PriceRow["context"]> {
  return [...context]
    .map(([above, part]) => ({ above, ...withoutUnknown(part) }))
    .filter(({ input, output }) => input !== undefined || output !== undefined)
    .sort((a, b) => a.above - b.above);
}

function amount(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? tidy(value) : undefined;
}

function perMillion(perToken: unknown): number | undefined {
  return typeof perToken === "number" ? amount(perToken * 1e6) : undefined;
}

/** What was meant by a sum or a product of doubles. */
function tidy(usdPerMillion: number): number {
  return Math.round(usdPerMillion * 1e9) / 1e9;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
