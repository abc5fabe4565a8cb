/**
 * Reads other people's public price tables into the shape of our rows: LiteLLM's and models.dev's. Only models that answer
 * with text. What either calls 0 is mostly "not known" there, so that it is taken for that: a model without a price for its
 * input and its output is left out.
 */
import { isJsonObject, type JsonObject } from "../llm/json.ts";
import { readLitellm } from "./litellm-table.ts";
import { readModelsDev } from "./models-dev-table.ts";
import type { PublicRow } from "./public-row.ts";

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
