/** A file of the price table: `prices/<provider>.json`, one row per model. All prices are USD per 1M tokens. */
import { z } from "zod";
import type { ContextTerm, PriceTerms, TierTerm } from "./price.ts";
import { type FullRates, multiplesOf, multiplied, type RateName, type Rates } from "./rates.ts";

/** Dearer than any model there is; a price above it is one per 1k or per token by mistake. */
const highest = 2000;
const usd = z.number().min(0).max(highest);

const rateShape = {
  input: usd.optional(),
  output: usd.optional(),
  cache_read: usd.optional(),
  cache_write: usd.optional(),
  cache_write_1h: usd.optional(),
  cache_write_12h: usd.optional(),
  audio_input: usd.optional(),
  audio_output: usd.optional(),
  reasoning: usd.optional(),
};

const contextStep = z.strictObject({ above: z.int().min(1).max(100_000_000), ...rateShape });

const tier = z.strictObject({ ...rateShape, context: z.array(contextStep).min(1).optional() });

export const priceRow = z.strictObject({
  /** The vendor's name, without a date unless the date makes a difference. */
  model: z.string().min(1),
  /** Other names of exactly this price. */
  aliases: z.array(z.string().min(1)).min(1).optional(),
  ...rateShape,
  input: usd,
  output: usd,
  context: z.array(contextStep).min(1).optional(),
  /** By the word in the tier that the vendor reports; `batch` among them. */
  tiers: z.record(z.string().regex(/^[a-z]+$/), tier).optional(),
  /** The vendor's own page. */
  source: z.url({ protocol: /^https$/ }),
  /** The day on which the sources were read. */
  date: z.iso.date(),
  /** Where we read it: names and versions of public tables, or `vendor` for the page itself. */
  from: z.array(z.string().min(1)).min(1),
});

export const priceFile = z.strictObject({
  provider: z.string().min(1),
  /** What to know about all rows, for people. */
  note: z.string().min(1).optional(),
  /** The provider's name in other people's tables. */
  called: z.strictObject({
    litellm: z.array(z.string().min(1)),
    models_dev: z.array(z.string().min(1)),
  }),
  /** For rows whose sources name none. */
  pricing_page: z.url({ protocol: /^https$/ }),
  rows: z.array(priceRow),
});

export type PriceRow = z.output<typeof priceRow>;
export type PriceFile = z.output<typeof priceFile>;

/** Every rate a row may have, in the order in which people read them. */
export const rowRateNames = Object.keys(rateShape) as readonly (RateName & keyof typeof rateShape)[]; // its keys are rates

/** The rates of a row, a step or a tier. */
export function ratesOf(part: { readonly [Name in keyof typeof rateShape]?: number | undefined }): Rates {
  const rates: Record<string, number> = {};
  for (const name of rowRateNames) {
    const rate = part[name];
    if (rate !== undefined) rates[name] = rate;
  }
  return rates;
}

/** A row as the terms of a price. */
export function termsOf(row: PriceRow): PriceTerms {
  const rates = { ...ratesOf(row), input: row.input, output: row.output };
  return {
    rates,
    context: contextOf(row.context, rates),
    tiers: Object.entries(row.tiers ?? {}).map(([word, part]): TierTerm => {
      const change = multiplesOf(ratesOf(part), rates);
      const context = part.context && contextOf(part.context, multiplied(rates, change));
      return { word, change, ...(context && { context }) };
    }),
  };
}

function contextOf(steps: PriceRow["context"] = [], base: FullRates): readonly ContextTerm[] {
  return steps.map((step) => ({ above: step.above, change: multiplesOf(ratesOf(step), base) }));
}
