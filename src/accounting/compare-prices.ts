/** Our price table beside somebody else's. */
import { type PriceFile, type PriceRow, ratesOf } from "./price-row.ts";
import type { PriceTable } from "./price-table.ts";
import type { PublicRow, RowPrices } from "./public-row.ts";
import type { PublicTable } from "./public-tables.ts";
import { type RateName, rateNames } from "./rates.ts";

export interface Disagreement {
  readonly provider: string;
  /** Their name of the model. */
  readonly model: string;
  /** `cache_read`, `tiers.flex.input`, `above 200000 output`. */
  readonly field: string;
  /** USD per 1M tokens. */
  readonly ours: number;
  readonly theirs: number;
}

export interface Comparison {
  readonly disagreements: readonly Disagreement[];
  /** Rows of theirs that we have none for, of providers that we have a file for. */
  readonly lacking: readonly { readonly provider: string; readonly prices: RowPrices }[];
  /** Rows of theirs that were compared. */
  readonly compared: number;
  /** Rows of theirs whose provider we have no file for. */
  readonly others: number;
}

/** Only what both know is compared. */
export function comparePrices(table: PriceTable, theirs: PublicTable): Comparison {
  const providers = providersByTheirName(table.files(), theirs.format);
  const disagreements: Disagreement[] = [];
  const lacking: Comparison["lacking"][number][] = [];
  let compared = 0;
  let others = 0;
  for (const row of theirs.rows) {
    const provider = providers.get(row.provider);
    if (provider === undefined || !isPlainName(row)) {
      others++;
      continue;
    }
    const ours = table.find(provider, row.prices.model);
    if (ours === undefined) lacking.push({ provider, prices: row.prices });
    else {
      compared++;
      disagreements.push(...compareRow(provider, ours, row.prices));
    }
  }
  return { disagreements, lacking, compared, others };
}

/** Our provider's name for each of theirs. */
export function providersByTheirName(
  files: readonly PriceFile[],
  format: PublicTable["format"],
): ReadonlyMap<string, string> {
  return new Map(
    files.flatMap(({ provider, called }) => called[format].map((name) => [name, provider] as const)),
  );
}

/** Names with a path in front are the same models in other regions and under other contracts. */
export function isPlainName({ prices }: PublicRow): boolean {
  return !prices.model.includes("/") && !prices.model.includes("@");
}

function compareRow(provider: string, ours: PriceRow, theirs: RowPrices): readonly Disagreement[] {
  const mine = flatten(ours);
  return [...flatten(theirs)].flatMap(([field, price]) => {
    const own = mine.get(field);
    return own === undefined || isNear(own, price)
      ? []
      : [{ provider, model: theirs.model, field, ours: own, theirs: price }];
  });
}

/** Every price of a row, by a name that says where it stands. */
export function flatten(row: RowPrices | PriceRow): ReadonlyMap<string, number> {
  const prices = new Map<string, number>();
  const add = (before: string, part: Parameters<typeof ratesOf>[0]) => {
    const rates = ratesOf(part);
    for (const name of rateNames(rates)) prices.set(before + name, rates[name as RateName] ?? 0);
  };
  const addSteps = (before: string, steps: PriceRow["context"]) => {
    for (const step of steps ?? []) add(`${before}above ${step.above} `, step);
  };
  add("", row);
  addSteps("", row.context);
  for (const [word, tier] of Object.entries(row.tiers ?? {})) {
    add(`${word} `, tier);
    addSteps(`${word} `, tier.context);
  }
  return prices;
}

/** Tables are written in different units, and rounded: a thousandth is no disagreement. */
export function isNear(left: number, right: number): boolean {
  return Math.abs(left - right) <= 1e-3 * Math.max(left, right);
}
