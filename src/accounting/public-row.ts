/** Puts a row together from prices that somebody else's table has in some other shape. */
import { isJsonObject, type JsonObject } from "../llm/json.ts";
import type { PriceRow } from "./price-row.ts";
import type { Rates } from "./rates.ts";

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

/** USD per 1M tokens by the name of the rate. */
export type Part = Record<string, number>;

/** Prices as they are found, before it is known what of them makes a row. */
export interface Parts {
  readonly base: Part;
  /** By the number of tokens above which they hold. */
  readonly context: Map<number, Part>;
  readonly tiers: Map<string, { readonly base: Part; readonly context: Map<number, Part> }>;
}

/** Nothing yet. */
export function newParts(): Parts {
  return { base: {}, context: new Map(), tiers: new Map() };
}

/** Where prices of this tier, for inputs of more tokens than `above`, belong; 0: for all. */
export function placeOf(parts: Parts, tier: string | undefined, above: number): Part {
  if (tier !== undefined)
    return placeOf({ ...entry(parts.tiers, tier, newParts), tiers: new Map() }, undefined, above);
  return above > 0 ? entry(parts.context, above, () => ({})) : parts.base;
}

function entry<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}

/** Notes a price, where there is one. */
export function put(place: Part, name: string, value: number | undefined): void {
  if (value !== undefined) place[name] = value;
}

/** The row of these prices; none where input and output are not both known. */
export function toRow(
  model: string,
  parts: Parts,
  more: Pick<PublicRow, "provider" | "source" | "endsOn">,
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
  return [{ ...more, prices }];
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

/** A price; undefined for what is none. */
export function amount(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? tidy(value) : undefined;
}

/** What was meant by a sum or a product of doubles. */
function tidy(usdPerMillion: number): number {
  return Math.round(usdPerMillion * 1e9) / 1e9;
}

/** The objects of a list; none where there is no list. */
export function readObjects(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}
