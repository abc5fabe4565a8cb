import { describe, expect, it } from "vitest";
import { comparePrices } from "./compare-prices.ts";
import { type PriceFile, priceFile } from "./price-row.ts";
import type { RowPrices } from "./public-row.ts";

const file: PriceFile = priceFile.parse({
  provider: "ours",
  called: { litellm: ["theirs", "theirs_chat"], models_dev: ["their-dev"] },
  pricing_page: "https://vendor.example",
  rows: [
    {
      model: "m",
      input: 2,
      output: 10,
      cache_read: 0.5,
      context: [{ above: 100, input: 4, output: 20 }],
      tiers: { flex: { input: 1, output: 5 } },
      source: "https://vendor.example/m",
      date: "2026-01-02",
      from: ["x"],
    },
  ],
});
const table = {
  files: () => [file],
  find: (provider: string, model: string) =>
    provider === "ours" && /^m(-2030-01-01)?$/.test(model) ? file.rows[0] : undefined,
};
const compare = (...rows: (RowPrices & { provider?: string })[]) =>
  comparePrices(table, {
    format: "litellm",
    rows: rows.map(({ provider = "theirs", ...prices }) => ({
      provider,
      prices,
      source: undefined,
      endsOn: undefined,
    })),
  });

describe("comparing price tables", () => {
  it("finds every price that differs, in steps and tiers, too", () => {
    const { disagreements } = compare({
      model: "m-2030-01-01",
      input: 2,
      output: 12,
      cache_read: 0.5,
      cache_write: 3,
      context: [
        { above: 100, input: 5 },
        { above: 999, input: 7 },
      ],
      tiers: { flex: { input: 1.5 } },
    });
    expect(disagreements).toEqual([
      { provider: "ours", model: "m-2030-01-01", field: "output", ours: 10, theirs: 12 },
      { provider: "ours", model: "m-2030-01-01", field: "above 100 input", ours: 4, theirs: 5 },
      { provider: "ours", model: "m-2030-01-01", field: "flex input", ours: 1, theirs: 1.5 },
    ]);
  });

  it("takes what was rounded for the same", () => {
    expect(compare({ model: "m", input: 2.0005, output: 9.9999 })).toMatchObject({
      disagreements: [],
      compared: 1,
    });
  });

  it("tells what is lacking here from what is of others", () => {
    const row = { input: 1, output: 1 };
    const result = compare(
      { model: "new", ...row },
      { model: "new", provider: "theirs_chat", ...row },
      { model: "m", provider: "their-dev", ...row },
      { model: "eu-west/m", ...row },
      { model: "m@2030", ...row },
    );
    expect(result.lacking.map(({ provider, prices }) => `${provider}/${prices.model}`)).toEqual([
      "ours/new",
      "ours/new",
    ]);
    expect(result).toMatchObject({ compared: 0, others: 3, disagreements: [] });
  });
});
