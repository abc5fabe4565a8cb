/** The API of models.dev (github.com/sst/models.dev): one object per provider, USD per 1M tokens. */
import { isJsonObject, type JsonObject } from "../llm/json.ts";
import {
  amount,
  newParts,
  type Part,
  type Parts,
  type PublicRow,
  placeOf,
  put,
  readObjects,
  toRow,
} from "./public-row.ts";
import type { RateName } from "./rates.ts";

const rateNames: Readonly<Record<string, RateName>> = {
  input: "input",
  output: "output",
  cache_read: "cache_read",
  cache_write: "cache_write",
  input_audio: "audio_input",
  output_audio: "audio_output",
  reasoning: "reasoning",
};

/** The models of one provider. */
export function readModelsDev(provider: string, { models }: JsonObject): readonly PublicRow[] {
  if (!isJsonObject(models)) return [];
  const more = { provider, source: undefined, endsOn: undefined };
  return Object.entries(models).flatMap(([model, value]) => {
    const cost = isJsonObject(value) && answersText(value) ? value["cost"] : undefined;
    return isJsonObject(cost) ? toRow(model, partsOf(cost), more) : [];
  });
}

function partsOf(cost: JsonObject): Parts {
  const parts = newParts();
  addPrices(parts.base, cost);
  const longer = cost["context_over_200k"];
  if (isJsonObject(longer)) addPrices(placeOf(parts, undefined, 200_000), longer);
  for (const step of readObjects(cost["tiers"])) {
    const { tier } = step;
    if (isJsonObject(tier) && tier["type"] === "context")
      addPrices(placeOf(parts, undefined, Number(tier["size"])), step);
  }
  return parts;
}

function answersText(value: JsonObject): boolean {
  const modalities = value["modalities"];
  const output = isJsonObject(modalities) ? modalities["output"] : undefined;
  return !Array.isArray(output) || output.includes("text");
}

function addPrices(place: Part, cost: JsonObject): void {
  for (const [key, name] of Object.entries(rateNames)) put(place, name, amount(cost[key]));
}
