import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { providerNames } from "../providers/names.ts";
import { compilePrice, ratesFor } from "./price.ts";
import { type PriceRow, termsOf } from "./price-row.ts";
import { createPriceTable, priceTable } from "./price-table.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-prices-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const provenance = { source: "https://vendor.example", date: "2026-01-02", from: ["somewhere"] };
const row = (model: string, input: number, more: object = {}) => ({
  model,
  input,
  output: 9,
  ...provenance,
  ...more,
});
const head = { called: { litellm: ["a"], models_dev: ["a"] }, pricing_page: "https://vendor.example" };

function tableOf(...rows: object[]) {
  writeFileSync(join(folder, "a.json"), JSON.stringify({ provider: "a", ...head, rows }));
  return createPriceTable(pathToFileURL(`${folder}/`));
}

describe("a model is found", () => {
  const table = tableOf(
    row("gpt-9", 1, { aliases: ["gpt-9-latest"] }),
    row("gpt-9-2030-01-02", 2),
    row("ft:gpt-9", 3),
    row("o1", 4),
    row("claude-9-20300102", 5),
  );
  const inputOf = (model: string) => table.find("a", model)?.input;

  it("by its very name and its aliases, before anything else", () => {
    expect(inputOf("gpt-9")).toBe(1);
    expect(inputOf("gpt-9-latest")).toBe(1);
    expect(inputOf("gpt-9-2030-01-02")).toBe(2);
  });

  it("without the date of a snapshot, in either form", () => {
    expect(inputOf("gpt-9-2031-12-31")).toBe(1);
    expect(inputOf("gpt-9-20311231")).toBe(1);
    expect(inputOf("o1-2031-01-01")).toBe(4);
  });

  it("by the base it was fine-tuned from", () => {
    expect(inputOf("ft:gpt-9:acme::abc")).toBe(3);
    expect(inputOf("ft:gpt-9-2031-01-01:acme:name:abc")).toBe(3);
    expect(inputOf("ft:o1:acme::abc")).toBeUndefined();
  });

  it.each([
    "o1-pro",
    "gpt",
    "gpt-9-mini",
    "gpt-9-2031",
    "gpt-9-2031-13-01",
    "gpt-9-0125",
    "GPT-9",
    "claude-9",
    "",
    "x",
  ])("never by a likeness: %j", (model) => {
    expect(inputOf(model)).toBeUndefined();
  });

  it("of no provider without a file", () => {
    expect(table.find("b", "gpt-9")).toBeUndefined();
    expect(table.find("../a", "gpt-9")).toBeUndefined();
    expect(table.files().map(({ provider }) => provider)).toEqual(["a"]);
  });

  it("in no file that is not as it should be", () => {
    expect(() => tableOf({ model: "m", input: 1, output: 2 }).find("a", "m")).toThrow();
    expect(() => tableOf(row("m", -1)).find("a", "m")).toThrow();
    expect(() => tableOf(row("m", 1, { cached: 1 })).find("a", "m")).toThrow();
  });
});

describe("the table that is shipped", () => {
  const files = priceTable.files(); // every row passes the schema, or this throws
  const rows = files.flatMap(({ provider, rows: all }) => all.map((each) => ({ provider, each })));

  it("has the current models of the vendors that publish prices", () => {
    const publishing = providerNames.filter(
      (name) => !["huggingface", "llama2", "ollama", "vllm"].includes(name), // no prices of their own
    );
    expect(files.map(({ provider }) => provider)).toEqual(publishing);
    expect(rows.length).toBeGreaterThan(500);
    for (const { provider, rows: all } of files) expect(all.length, provider).toBeGreaterThan(3);
    expect(priceTable.find("openai", "gpt-4o-mini")).toMatchObject({ input: 0.15, output: 0.6 });
    expect(priceTable.find("openai", "gpt-4o")).toMatchObject({ input: 2.5, output: 10, cache_read: 1.25 });
    expect(priceTable.find("anthropic", "claude-sonnet-4-5-20250929")).toMatchObject({
      input: 3,
      output: 15,
      cache_read: 0.3,
      cache_write: 3.75,
      cache_write_1h: 6,
    });
    expect(priceTable.find("bedrock", "amazon.nova-lite-v1:0")).toMatchObject({ input: 0.06, output: 0.24 });
  });

  it("names every model once, by names and aliases together", () => {
    for (const { provider, rows: all } of files) {
      const names = all.flatMap(({ model, aliases = [] }) => [model, ...aliases]);
      expect(new Set(names).size, provider).toBe(names.length);
    }
  });

  it("says of every row where it is from and as of when", () => {
    for (const { provider, each } of rows) {
      const name = `${provider}/${each.model}`;
      expect(each.source, name).toMatch(/^https:\/\/[\w.-]+\.\w+\//);
      expect(each.date >= "2026-01-01", name).toBe(true);
    }
  });

  it("has no price that is a mistake in the unit, and none for the cache above that of the input", () => {
    for (const { provider, each } of rows) {
      const name = `${provider}/${each.model}`;
      for (const part of partsOf(each)) {
        const { input = each.input, output = each.output } = part;
        expect(input >= 0.001 && input <= 200, name).toBe(true);
        expect(output >= 0.001 && output <= 1000, name).toBe(true);
        expect(part.cache_read ?? 0, name).toBeLessThanOrEqual(input);
        expect(part.cache_write ?? 0, name).toBeLessThanOrEqual(input * 2);
        expect(part.cache_write_1h ?? input, name).toBeLessThanOrEqual(input * 2.5);
      }
    }
  });

  it("has steps that rise, and tiers that can be told apart", () => {
    for (const { provider, each } of rows) {
      for (const { context = [] } of [each, ...Object.values(each.tiers ?? {})]) {
        const aboves = context.map(({ above }) => above);
        expect(aboves, `${provider}/${each.model}`).toEqual([...new Set(aboves)].sort((a, b) => a - b));
      }
    }
  });

  it("is compiled to what it says, in every part", () => {
    const near = (pico: number | undefined, usd: number) => Math.abs((pico ?? 0) - usd * 1e6) <= 1e-3;
    for (const { each } of rows) {
      const price = compilePrice(termsOf(each));
      const check = (
        part: { input?: number | undefined; output?: number | undefined },
        tokens: number,
        tier?: string,
      ) => {
        const found = ratesFor(price, {
          inputTokens: tokens,
          outputTokens: 0,
          ...(tier && { serviceTier: tier }),
        });
        expect(part.input === undefined || near(found.input, part.input), each.model).toBe(true);
        expect(part.output === undefined || near(found.output, part.output), each.model).toBe(true);
      };
      check(each, 1);
      for (const step of each.context ?? []) check(step, step.above + 1);
      for (const [word, tier] of Object.entries(each.tiers ?? {})) {
        check(tier, 1, word);
        for (const step of tier.context ?? []) check(step, step.above + 1, word);
      }
    }
  });
});

type Part = NonNullable<PriceRow["context"]>[number] | NonNullable<PriceRow["tiers"]>[string] | PriceRow;

function partsOf(row: PriceRow): readonly Part[] {
  const tiers = Object.values(row.tiers ?? {});
  return [row, ...(row.context ?? []), ...tiers, ...tiers.flatMap(({ context = [] }) => context)];
}
