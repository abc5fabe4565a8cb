import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { modelOptions } from "../providers/model-options.ts";
import { costOf } from "./cost.ts";
import { type PriceRow, priceRow } from "./price-row.ts";
import { createTargetPrices } from "./target-price.ts";

const row = priceRow.parse({
  model: "m",
  input: 2,
  output: 10,
  cache_read: 0.5,
  context: [{ above: 100, input: 4, output: 15 }],
  tiers: { flex: { input: 1, output: 5, cache_read: 0.1, context: [{ above: 100, input: 3, output: 6 }] } },
  source: "https://vendor.example/prices",
  date: "2026-01-02",
  from: ["somewhere 1.0"],
});

function pricesOf(options: object, rows: readonly PriceRow[] = [row]) {
  const asked: string[] = [];
  const prices = createTargetPrices("p", modelOptions.parse(options), {
    find(provider, model) {
      asked.push(`${provider}/${model}`);
      return rows.find((each) => each.model === model);
    },
  });
  return { asked, of: prices.of };
}

const million = { inputTokens: 1_000_000, outputTokens: 1_000_000 };
const short = { inputTokens: 100, outputTokens: 10, cachedInputTokens: 40 };
const cost = (options: object, usage: Parameters<typeof costOf>[0], isVendors = true) =>
  costOf(usage, pricesOf(options).of("m", isVendors)?.price);

describe("the price of a target", () => {
  it("is the table's where the config sets none", () => {
    expect(pricesOf({}).of("m", true)).toMatchObject({ source: "table", row: { model: "m" } });
    expect(cost({}, short)).toBeCloseTo((60 * 2 + 40 * 0.5 + 10 * 10) / 1e6, 15);
    expect(cost({}, { ...short, inputTokens: 101 })).toBeCloseTo((61 * 4 + 40 * 1 + 10 * 15) / 1e6, 15);
  });

  it("has the tiers of the table, and their own steps", () => {
    expect(cost({}, { ...short, serviceTier: "flex" })).toBeCloseTo((60 * 1 + 40 * 0.1 + 10 * 5) / 1e6, 15);
    const long = { ...short, inputTokens: 140, serviceTier: "FLEX" };
    expect(cost({}, long)).toBeCloseTo((100 * 3 + 40 * 0.3 + 10 * 6) / 1e6, 15);
  });

  it("is unknown where neither knows it, and where only one side is set", () => {
    expect(pricesOf({}).of("other", true)).toBeUndefined();
    expect(pricesOf({ input_cost: 1 }).of("other", true)).toBeUndefined();
    expect(pricesOf({ input_cost: 1 }).of("m", false)).toBeUndefined();
  });

  it("is never the table's for another host than the vendor's, and the table is not even asked", () => {
    const prices = pricesOf({ input_cost: 1, output_cost: 2 });
    expect(prices.of("m", false)).toMatchObject({ source: "config", row: undefined });
    expect(prices.asked).toEqual([]);
    expect(pricesOf({}).of("m", false)).toBeUndefined();
  });

  it("is the config's field by field, and what the config leaves out is in the table's proportions", () => {
    expect(pricesOf({ input_cost: 1, output_cost: 5 }).of("m", true)).toMatchObject({ source: "config" });
    expect(cost({ input_cost: 1, output_cost: 5 }, short)).toBeCloseTo(
      (60 * 1 + 40 * 0.25 + 10 * 5) / 1e6,
      15,
    );
    expect(cost({ cache_read_cost: 0.2 }, short)).toBeCloseTo((60 * 2 + 40 * 0.2 + 10 * 10) / 1e6, 15);
    expect(pricesOf({ output_cost: 5 }).of("m", true)).toMatchObject({ source: "table" });
    expect(cost({ output_cost: 5 }, { inputTokens: 101, outputTokens: 10 })).toBeCloseTo(
      (101 * 4 + 10 * 7.5) / 1e6,
      15,
    );
  });

  it("has the config's steps in place of the table's, those of its tiers included", () => {
    const options = { context_window_factor: [{ above: "1k", input_factor: 3, output_factor: 2 }] };
    expect(cost(options, { inputTokens: 101, outputTokens: 0, serviceTier: "flex" })).toBeCloseTo(
      101 / 1e6,
      15,
    );
    expect(cost(options, { inputTokens: 1001, outputTokens: 1 })).toBeCloseTo((1001 * 6 + 20) / 1e6, 15);
  });

  it("is the published fields alone, all of them", () => {
    const options = {
      input_cost: 3,
      output_cost: 15,
      cache_read_cost: 0.3,
      cache_write_cost: 3.75,
      cache_write_cost_list: [{ ttl: "1h", cost: 6 }],
      context_window_factor: [
        { above: "1000000", input_factor: 9, output_factor: 9 },
        { above: "200k", input_factor: 2, output_factor: 1.5 },
      ],
      service_tier_factor: [
        { tier: "flex", factor: 0.5 },
        { tier: "flexible", factor: 7 },
      ],
    };
    const usage = {
      inputTokens: 300_000,
      outputTokens: 1000,
      cachedInputTokens: 100_000,
      cacheWriteTokens: 50_000,
      cacheWriteTokensByTtl: { "5m": 20_000, "1h": 30_000 },
      serviceTier: "FLEX",
    };
    const input = 150_000 * 3 + 100_000 * 0.3 + 20_000 * 3.75 + 30_000 * 6;
    expect(cost(options, usage, false)).toBeCloseTo((0.5 * (2 * input + 1.5 * 1000 * 15)) / 1e6, 12);
  });

  it("is of zero where the config says so", () => {
    expect(cost({ input_cost: 0, output_cost: 0 }, million)).toBe(0);
    expect(pricesOf({ input_cost: 0, output_cost: 0 }).of("m", true)?.price.rates.cache_read).toBe(0);
  });

  it("never charges more for cached input than for fresh, whatever discount the config has", () => {
    const amounts = fc.integer({ min: 0, max: 50_000 }).map((micro) => micro / 1000);
    fc.assert(
      fc.property(amounts, amounts, (input_cost, output_cost) => {
        const price = pricesOf({ input_cost, output_cost }).of("m", true)?.price;
        expect(price?.rates.cache_read).toBeLessThanOrEqual(input_cost);
      }),
    );
  });

  it("is looked up once for each name, and remembered for a bounded number of them", () => {
    const prices = pricesOf({});
    for (let time = 0; time < 3; time++) prices.of("m", true);
    expect(prices.asked).toEqual(["p/m"]);
    for (let index = 0; index < 300; index++) prices.of(`x${index}`, true);
    expect(prices.of("m", true)).toMatchObject({ source: "table" });
    expect(prices.asked).toHaveLength(302);
  });
});
