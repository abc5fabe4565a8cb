/** The price table that comes with the package: a file per provider, read when the first price of it is asked for. */
import { readdirSync, readFileSync } from "node:fs";
import { type PriceFile, type PriceRow, priceFile } from "./price-row.ts";

export interface PriceTable {
  /** The row of a model by its vendor's name; undefined where it has none, which never means free. */
  find(provider: string, model: string): PriceRow | undefined;
  /** Every file, by provider. */
  files(): readonly PriceFile[];
}

/** Both the source and the compiled file stand two levels below the package's root. */
const shipped = new URL("../../prices/", import.meta.url);
const ending = ".json";

/** A table in a folder of `<provider>.json`. Throws, when read, for a file that is not as `priceFile` says. */
export function createPriceTable(folder: URL = shipped): PriceTable {
  const read = new Map<string, Known>();
  const names = lazy(() =>
    readdirSync(folder)
      .filter((name) => name.endsWith(ending))
      .map((name) => name.slice(0, -ending.length))
      .sort(),
  );
  const known = (provider: string): Known | undefined => {
    const earlier = read.get(provider);
    if (earlier !== undefined || !names().includes(provider)) return earlier;
    const file = priceFile.parse(JSON.parse(readFileSync(new URL(provider + ending, folder), "utf8")));
    const found = { file, byName: indexRows(file.rows) };
    read.set(provider, found);
    return found;
  };
  return {
    find(provider, model) {
      const table = known(provider)?.byName;
      return table && findRow(table, model);
    },
    files: () => names().flatMap((name) => known(name)?.file ?? []),
  };
}

/** The table of this package, read once for all of the process. */
export const priceTable = createPriceTable();

interface Known {
  readonly file: PriceFile;
  readonly byName: ReadonlyMap<string, PriceRow>;
}

function indexRows(rows: readonly PriceRow[]): ReadonlyMap<string, PriceRow> {
  const byName = new Map<string, PriceRow>();
  for (const row of rows) for (const name of [row.model, ...(row.aliases ?? [])]) byName.set(name, row);
  return byName;
}

/** `-2024-08-06` or `-20250929` at the end: a snapshot of the model that is named without it. */
const snapshotDate =
  /-(?:20\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])|20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))$/;
/** `ft:base:owner:name:id`, a model fine-tuned for one customer; all of one base have one price. */
const fineTuned = /^(ft:[^:]+):/;

/**
 * By the very name; else by the base of a fine-tuned model; else without a snapshot's date. Never by a beginning: `o1`
 * would find `o1-pro` at a tenth of its price.
 */
function findRow(byName: ReadonlyMap<string, PriceRow>, model: string): PriceRow | undefined {
  const exact = byName.get(model);
  if (exact !== undefined) return exact;
  const base = fineTuned.exec(model)?.[1] ?? model;
  return byName.get(base) ?? byName.get(withoutDate(base));
}

/** The name without a snapshot's date at its end. */
export function withoutDate(model: string): string {
  return model.replace(snapshotDate, "");
}

function lazy<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
