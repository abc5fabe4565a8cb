/**
 * Writes `prices/<provider>.json` anew from public price tables, the most trusted first:
 *
 *     npm run prices -- "litellm 1.110.2@2026-11-28=litellm.json" "models.dev@2026-10-23=models.json"
 *
 * A model has the prices of the first table that knows it; the others confirm it, or disagree and are listed. Rows whose
 * `from` begins with `vendor` are from the vendor's own page and stay as they are. See prices/README.md.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { flatten, isNear, isPlainName, providersByTheirName } from "./accounting/compare-prices.ts";
import { type PriceFile, type PriceRow, priceFile, priceRow } from "./accounting/price-row.ts";
import { createPriceTable, withoutDate } from "./accounting/price-table.ts";
import type { PublicRow } from "./accounting/public-row.ts";
import { type PublicTable, readPublicTable } from "./accounting/public-tables.ts";

export interface Source {
  /** With its version, as it stands in `from`. */
  readonly name: string;
  /** As of when, `YYYY-MM-DD`. */
  readonly date: string;
  readonly table: PublicTable;
}

interface Refreshed {
  readonly file: PriceFile;
  /** Where a source says something else than the one before it, in words. */
  readonly disagreements: readonly string[];
}

/** One provider's file with the rows of these sources. Pure. */
export function refreshed(file: PriceFile, sources: readonly Source[]): Refreshed {
  const disagreements: string[] = [];
  const kept = file.rows.filter(({ from }) => from[0]?.startsWith("vendor"));
  const isKept = new Set(kept.flatMap((row) => [row.model, ...(row.aliases ?? [])]));
  const rows = new Map<string, PriceRow>();
  const add = (theirs: PublicRow, { date, name }: Source) => {
    const { model } = theirs.prices;
    const earlier = rows.get(model);
    if (earlier === undefined) rows.set(model, toRow(file, theirs, name, date));
    if (earlier === undefined || earlier.from.includes(name)) return;
    const differences = differencesOf(earlier, theirs);
    if (differences.length === 0) rows.set(model, { ...earlier, from: [...earlier.from, name] });
    else disagreements.push(`${file.provider}/${model}: ${differences.join(", ")} (${name})`);
  };
  for (const source of sources)
    for (const theirs of rowsOf(file, source)) if (!isKept.has(theirs.prices.model)) add(theirs, source);
  return { file: { ...file, rows: joined([...kept, ...rows.values()]) }, disagreements };
}

function rowsOf(file: PriceFile, { date, table }: Source): readonly PublicRow[] {
  const names = providersByTheirName([file], table.format);
  return table.rows.filter(
    (row) => names.has(row.provider) && isPlainName(row) && !(row.endsOn !== undefined && row.endsOn < date),
  );
}

function toRow(file: PriceFile, { prices, source }: PublicRow, name: string, date: string): PriceRow {
  const page = source?.startsWith("https://") ? source : file.pricing_page;
  return priceRow.parse({ ...prices, source: page, date, from: [name] });
}

function differencesOf(ours: PriceRow, theirs: PublicRow): readonly string[] {
  const mine = flatten(ours);
  return [...flatten(theirs.prices)].flatMap(([field, price]) => {
    const own = mine.get(field);
    return own === undefined || isNear(own, price) ? [] : [`${field} ${own}, not ${price}`];
  });
}

/** Names of one price become one row with aliases: a dated name joins the undated, a longer name the one it begins with. */
function joined(rows: readonly PriceRow[]): PriceRow[] {
  const shortestFirst = [...rows].sort(
    (a, b) => a.model.length - b.model.length || compare(a.model, b.model),
  );
  const found: PriceRow[] = [];
  for (const row of shortestFirst) {
    const at = found.findIndex((base) => row.model.startsWith(`${base.model}-`) && isSamePrice(base, row));
    const base = found[at];
    if (base === undefined) found.push(row);
    else if (withoutDate(row.model) !== base.model)
      found[at] = priceRow.parse({ ...base, aliases: [...(base.aliases ?? []), row.model].sort(compare) });
  }
  return found.sort((a, b) => compare(a.model, b.model));
}

function isSamePrice(left: PriceRow, right: PriceRow): boolean {
  const text = (row: PriceRow) => JSON.stringify([...flatten(row)].sort(([a], [b]) => compare(a, b)));
  return text(left) === text(right);
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** A line per row, so that a change of price is a change of one line. */
export function writtenFile({ rows, ...head }: PriceFile): string {
  const lines = rows.map((row) => `    ${JSON.stringify(row)}`).join(",\n");
  const top = JSON.stringify({ ...head, rows: [] }, null, 2).replace(/\[\]\n\}$/, "[");
  return `${top}\n${lines}${rows.length === 0 ? "" : "\n"}  ]\n}\n`;
}

const sourceArgument = /^(.+)@(\d{4}-\d\d-\d\d)=(.+)$/;

function readSource(argument: string): Source {
  const [, name, date, path] = sourceArgument.exec(argument) ?? [];
  const table = path === undefined ? undefined : readPublicTable(JSON.parse(readFileSync(path, "utf8")));
  if (name === undefined || date === undefined || table === undefined)
    throw new Error(`expected "NAME@YYYY-MM-DD=FILE" with a public price table, not ${argument}`);
  return { name, date, table };
}

function main(sources: readonly string[]): void {
  const folder = join(process.cwd(), "prices");
  const read = sources.map(readSource);
  for (const file of createPriceTable(pathToFileURL(`${folder}/`)).files()) {
    const result = refreshed(file, read);
    writeFileSync(join(folder, `${file.provider}.json`), writtenFile(priceFile.parse(result.file)));
    console.log(`${file.provider}: ${result.file.rows.length} rows`);
    for (const line of result.disagreements) console.log(`  ${line}`);
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  main(process.argv.slice(2));
