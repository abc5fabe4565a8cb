/** Which price holds for a target: the config's, the table's, or none. */
import { parseTokenLimit } from "../llm/token-limit.ts";
import type { ModelOptions } from "../providers/model-options.ts";
import { LruMap } from "../util/lru.ts";
import { compilePrice, type Price, type PriceTerms } from "./price.ts";
import { type PriceRow, termsOf } from "./price-row.ts";
import type { PriceTable } from "./price-table.ts";
import { completed, type Rates } from "./rates.ts";

/** `config`: input and output are the config's, whatever else the table adds · `table`: one of them is the table's. */
export type PriceSource = "config" | "table";

export interface TargetPrice {
  readonly price: Price;
  readonly source: PriceSource;
  /** The table's row that the price, or a part of it, is from. */
  readonly row: PriceRow | undefined;
}

/** Prices of one target, whose model may have another name with each request. */
export interface TargetPrices {
  /**
   * `isVendors`: the call goes to the vendor's own host. Anybody else may serve the same model at a price of their own, so
   * that the table says nothing of it. Undefined: unknown, which is not free.
   */
  of(model: string, isVendors: boolean): TargetPrice | undefined;
}

/** Names of models may come from clients: of so many per target the price is remembered. */
const remembered = 256;

export function createTargetPrices(
  provider: string,
  options: ModelOptions,
  table: Pick<PriceTable, "find">,
): TargetPrices {
  const own = ownPrice(options);
  const byModel = new LruMap<string, { readonly found: TargetPrice | undefined }>(remembered);
  return {
    of(model, isVendors) {
      if (!isVendors) return own;
      const earlier = byModel.get(model);
      if (earlier !== undefined) return earlier.found;
      const row = table.find(provider, model);
      const found = row === undefined ? own : pricedBy(options, row);
      byModel.set(model, { found });
      return found;
    },
  };
}

/** The price of the config alone. */
function ownPrice(options: ModelOptions): TargetPrice | undefined {
  const rates = configRates(options);
  const { input, output } = rates;
  if (input === undefined || output === undefined) return undefined;
  const { context = [], tiers = [] } = configChanges(options);
  const price = compilePrice({ rates: { ...rates, input, output }, context, tiers });
  return Object.freeze({ price, source: "config", row: undefined });
}

/**
 * The config's fields before the table's. What the config leaves out is in the table's proportion to what it sets, so that
 * a discount on the input is one on its cached part, too.
 */
function pricedBy(options: ModelOptions, row: PriceRow): TargetPrice {
  const listed = termsOf(row);
  const given = configRates(options);
  const isOwn = given.input !== undefined && given.output !== undefined;
  const changes = configChanges(options);
  // Steps of the table's tiers go with the table's steps.
  const tiers =
    changes.context === undefined ? listed.tiers : listed.tiers.map(({ context: _, ...tier }) => tier);
  const price = compilePrice({
    rates: completed(given, listed.rates),
    context: changes.context ?? listed.context,
    tiers: changes.tiers ?? tiers,
  });
  return Object.freeze({ price, source: isOwn ? "config" : "table", row });
}

function configRates(options: ModelOptions): Rates {
  const { input_cost, output_cost, cache_read_cost, cache_write_cost, cache_write_cost_list } = options;
  return {
    ...(input_cost !== undefined && { input: input_cost }),
    ...(output_cost !== undefined && { output: output_cost }),
    ...(cache_read_cost !== undefined && { cache_read: cache_read_cost }),
    ...(cache_write_cost !== undefined && { cache_write: cache_write_cost }),
    ...Object.fromEntries((cache_write_cost_list ?? []).map(({ ttl, cost }) => [`cache_write_${ttl}`, cost])),
  };
}

function configChanges(options: ModelOptions): Partial<Pick<PriceTerms, "context" | "tiers">> {
  const { context_window_factor: context, service_tier_factor: tiers } = options;
  return {
    ...(context && {
      context: context.map(({ above, input_factor, output_factor }) => ({
        above: parseTokenLimit(above) ?? Number.POSITIVE_INFINITY, // the schema has refused what is no number
        change: { input: input_factor, output: output_factor },
      })),
    }),
    ...(tiers && {
      tiers: tiers.map(({ tier, factor }) => ({ word: tier, change: { input: factor, output: factor } })),
    }),
  };
}
