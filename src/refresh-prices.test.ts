import { describe, expect, it } from "vitest";
import { type PriceFile, priceFile } from "./accounting/price-row.ts";
import type { RowPrices } from "./accounting/public-row.ts";
import { refreshed, type Source, writtenFile } from "./refresh-prices.ts";

const provenance = { source: "https://vendor.example/m", date: "2026-01-02" };
const fileWith = (...rows: object[]): PriceFile =>
  priceFile.parse({
    provider: "p",
    note: "About all.",
    called: { litellm: ["a"], models_dev: ["b"] },
    pricing_page: "https://vendor.example/prices",
    rows,
  });
const source = (
  name: string,
  format: "litellm" | "models_dev",
  rows: (RowPrices & { endsOn?: string })[],
): Source => ({
  name,
  date: "2026-02-03",
  table: {
    format,
    rows: rows.map(({ endsOn, ...prices }) => ({
      provider: format === "litellm" ? "a" : "b",
      prices,
      source: format === "litellm" ? "https://vendor.example/m" : undefined,
      endsOn,
    })),
  },
});
const price = (model: string, input = 1, output = 2) => ({ model, input, output });

describe("refreshing a file of prices", () => {
  it("takes the first source that knows a model, names those that agree, and tells of those that do not", () => {
    const first = source("one 1.0", "litellm", [price("m"), price("n")]);
    const second = source("two 2.0", "models_dev", [price("m"), price("n", 3), price("o")]);
    const { file, disagreements } = refreshed(fileWith(), [first, second]);
    const common = { input: 1, output: 2, date: "2026-02-03" };
    expect(file.rows).toEqual([
      { model: "m", ...common, source: "https://vendor.example/m", from: ["one 1.0", "two 2.0"] },
      { model: "n", ...common, source: "https://vendor.example/m", from: ["one 1.0"] },
      { model: "o", ...common, source: "https://vendor.example/prices", from: ["two 2.0"] },
    ]);
    expect(disagreements).toEqual(["p/n: input 1, not 3 (two 2.0)"]);
  });

  it("keeps what is from the vendor's own page, and drops all else that no source knows", () => {
    const kept = { ...price("m", 5), aliases: ["m-2"], ...provenance, from: ["vendor's page"] };
    const gone = { ...price("gone"), ...provenance, from: ["one 0.9"] };
    const { file } = refreshed(fileWith(kept, gone), [
      source("one", "litellm", [price("m", 9), price("m-2", 9)]),
    ]);
    expect(file.rows).toEqual([kept]);
  });

  it("makes one row of the names of one price, but for a date that the lookup passes over anyway", () => {
    const names = ["m", "m-2030-01-01", "m-fast", "m-pro"].map((name) =>
      price(name, name === "m-pro" ? 7 : 1),
    );
    const { file } = refreshed(fileWith(), [source("one", "litellm", names)]);
    expect(file.rows.map(({ model, aliases }) => [model, aliases])).toEqual([
      ["m", ["m-fast"]],
      ["m-pro", undefined],
    ]);
  });

  it("leaves out what the vendor has ended, and other regions", () => {
    const rows = [
      { ...price("old"), endsOn: "2026-02-02" },
      { ...price("m"), endsOn: "2026-02-03" },
      price("eu/m"),
    ];
    expect(
      refreshed(fileWith(), [source("one", "litellm", rows)]).file.rows.map(({ model }) => model),
    ).toEqual(["m"]);
  });

  it("is written a row a line, and read back as it was", () => {
    const rows = ["a", "b"].map((model) => ({ ...price(model), ...provenance, from: ["one"] }));
    const text = writtenFile(fileWith(...rows));
    expect(text.split("\n").filter((line) => line.includes('"model"'))).toHaveLength(2);
    expect(priceFile.parse(JSON.parse(text))).toEqual(fileWith(...rows));
    expect(JSON.parse(writtenFile(fileWith()))).toEqual(fileWith());
  });
});
