/** `sluice prices`: what models cost, where that is known from, and who says something else. */
import { readFileSync } from "node:fs";
import { type Comparison, comparePrices, type Disagreement } from "../accounting/compare-prices.ts";
import { type PriceFile, type PriceRow, rowRateNames } from "../accounting/price-row.ts";
import { priceTable } from "../accounting/price-table.ts";
import { readPublicTable } from "../accounting/public-tables.ts";
import { nearestName } from "../util/nearest-name.ts";
import type { Command } from "./command.ts";
import { type ExitCode, type Terminal, table, UsageError } from "./terminal.ts";

export const prices: Command = {
  name: "prices",
  usage: "prices [MODEL | import FILE]",
  summary:
    "Show what models cost and where that is known from, or compare with LiteLLM's or models.dev's table.",
  flags: [{ name: "json", type: "boolean", help: "print JSON" }],
  run({ flags, positionals }, terminal) {
    const [what, file, ...rest] = positionals;
    const print = printer(terminal, flags["json"] === true);
    if (what === "import") {
      if (file === undefined || rest.length > 0)
        throw new UsageError("one FILE, a public price table as JSON");
      return Promise.resolve(compare(file, print));
    }
    if (file !== undefined) throw new UsageError("one MODEL, as its vendor names it, or import FILE");
    return Promise.resolve(what === undefined ? showAll(print) : showModel(what, print));
  },
};

/** Prints the words, or the data as JSON. */
type Print = (data: unknown, words: () => string) => void;

function printer(terminal: Terminal, asJson: boolean): Print {
  return (data, words) => terminal.out(`${asJson ? JSON.stringify(data, null, 2) : words()}\n`);
}

interface Listed {
  readonly provider: string;
  readonly row: PriceRow;
}

function showAll(print: Print): ExitCode {
  const rows = priceTable.files().flatMap(({ provider, rows }) => rows.map((row) => ({ provider, row })));
  print(rows.map(asJson), () =>
    [
      table(
        [
          ["provider", "model", "input", "output", "cached", "as of"],
          ...rows.map(({ provider, row }) => [
            provider,
            row.model,
            String(row.input),
            String(row.output),
            String(row.cache_read ?? ""),
            row.date,
          ]),
        ],
        [2, 3, 4],
      ),
      `USD per 1M tokens; ${rows.length} rows. sluice prices MODEL says everything of one.`,
    ].join("\n"),
  );
  return 0;
}

/** 1 where nobody has such a model. */
function showModel(asked: string, print: Print): ExitCode {
  const matches = priceTable.files().flatMap(({ provider, note }) => {
    const name = asked.startsWith(`${provider}/`) ? asked.slice(provider.length + 1) : asked;
    const row = priceTable.find(provider, name);
    return row === undefined ? [] : [{ provider, row, note }];
  });
  if (matches.length > 0) {
    print(
      matches.map(({ note, ...match }) => ({ ...asJson(match), ...(note !== undefined && { note }) })),
      () => matches.map(inWords).join("\n\n"),
    );
    return 0;
  }
  const near = nearNames(asked);
  print({ model: asked, matches: [], near }, () =>
    [
      `There is no price for ${JSON.stringify(asked)}: its cost is unknown, unless the config has input_cost and output_cost.`,
      ...(near.length === 0 ? [] : [`Near it: ${near.join(", ")}`]),
    ].join("\n"),
  );
  return 1;
}

function asJson({ provider, row }: Listed): object {
  return { provider, ...row };
}

/** Enough to find a misspelling, few enough to read. */
const mostNear = 8;

/** Names that hold what was asked for, then the nearest in spelling. */
function nearNames(asked: string): readonly string[] {
  const names = priceTable
    .files()
    .flatMap(({ provider, rows }) => rows.flatMap((row) => namesOf(row).map((name) => ({ provider, name }))));
  const holding = names.filter(({ name }) => name.toLowerCase().includes(asked.toLowerCase()));
  const nearest = nearestName(
    asked,
    names.map(({ name }) => name),
  );
  const near = [...holding, ...names.filter(({ name }) => name === nearest)];
  return [...new Set(near.map(({ provider, name }) => `${provider}/${name}`))].slice(0, mostNear);
}

function namesOf(row: PriceRow): readonly string[] {
  return [row.model, ...(row.aliases ?? [])];
}

function inWords({ provider, row, note }: Listed & Pick<PriceFile, "note">): string {
  const rows: string[][] = [];
  const add = (when: string, part: PriceRow | NonNullable<PriceRow["tiers"]>[string]) => {
    rows.push(rateCells(when, part));
    for (const step of part.context ?? []) rows.push(rateCells(`${when}, above ${step.above} tokens`, step));
  };
  add("standard", row);
  for (const [word, tier] of Object.entries(row.tiers ?? {})) add(`tier ${word}`, tier);
  const used = rowRateNames.filter((_, at) => rows.some((cells) => cells[at + 1] !== ""));
  const columns = [0, ...used.map((name) => rowRateNames.indexOf(name) + 1)];
  const shown = [["", ...rowRateNames], ...rows].map((cells) => columns.map((at) => cells[at] ?? ""));
  return [
    `${provider}/${row.model}`,
    ...(row.aliases === undefined ? [] : [`also called ${row.aliases.join(", ")}`]),
    "",
    table(
      shown,
      used.map((_, at) => at + 1),
    ),
    "",
    `USD per 1M tokens, as of ${row.date}, from ${row.from.join(", ")}`,
    `see ${row.source}`,
    ...(note === undefined ? [] : [note]),
  ].join("\n");
}

function rateCells(
  when: string,
  part: { readonly [Name in (typeof rowRateNames)[number]]?: number | undefined },
) {
  return [when, ...rowRateNames.map((name) => String(part[name] ?? ""))];
}

/** 1 where they say something else than we do. */
function compare(path: string, print: Print): ExitCode {
  const theirs = readPublicTable(readJson(path));
  if (theirs === undefined)
    throw new Error(
      `${path} is no price table that is known here: expected LiteLLM's model_prices_and_context_window.json or models.dev's api.json`,
    );
  const comparison = comparePrices(priceTable, theirs);
  const { disagreements, lacking, compared, others } = comparison;
  const counts = { disagreements: disagreements.length, lacking: lacking.length, compared, others };
  print(
    {
      format: theirs.format,
      counts,
      disagreements: disagreements.map((each) => ({ ...each, ratio: ratioOf(each) })),
      lacking: lacking.map(({ provider, prices: row }) => ({ provider, ...row })),
    },
    () => reportInWords(comparison),
  );
  return disagreements.length === 0 ? 0 : 1;
}

function readJson(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new Error(`${path}: cannot be read: ${reasonOf(cause)}`, { cause });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`${path} is not JSON: ${reasonOf(cause)}`, { cause });
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function reportInWords({ disagreements, lacking, compared, others }: Comparison): string {
  const disagreeing = new Set(disagreements.map(({ provider, model }) => `${provider}/${model}`)).size;
  return [
    ...(disagreements.length === 0
      ? []
      : [
          table(
            [
              ["model", "price", "ours", "theirs", "theirs ÷ ours"],
              ...disagreements.map((each) => [
                `${each.provider}/${each.model}`,
                each.field,
                String(each.ours),
                String(each.theirs),
                ratioOf(each)?.toFixed(3) ?? "",
              ]),
            ],
            [2, 3, 4],
          ),
          "",
        ]),
    ...(lacking.length === 0
      ? []
      : [
          "Models that the table here lacks:",
          table(
            lacking.map(({ provider, prices: row }) => [
              `  ${provider}/${row.model}`,
              String(row.input),
              String(row.output),
            ]),
            [1, 2],
          ),
          "",
        ]),
    `${compared} compared, ${disagreeing} disagree (in ${disagreements.length} prices) · ${lacking.length} are not in the table here · ${others} are of other providers, regions or contracts`,
  ].join("\n");
}

/** Undefined where ours is free. */
function ratioOf({ ours, theirs }: Disagreement): number | undefined {
  return ours === 0 ? undefined : Math.round((theirs / ours) * 1e6) / 1e6;
}
