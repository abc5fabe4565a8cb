import { describe, expect, it } from "vitest";
import { readPublicTable } from "./public-tables.ts";

const litellm = (more: object, name = "vendor/m") =>
  readPublicTable({
    sample_spec: { litellm_provider: "one of many", mode: "one of many", input_cost_per_token: 0 },
    [name]: {
      litellm_provider: "vendor",
      mode: "chat",
      input_cost_per_token: 2.5e-6,
      output_cost_per_token: 1e-5,
      ...more,
    },
  })?.rows;
const modelsDev = (cost: object, more: object = {}) =>
  readPublicTable({ vendor: { id: "vendor", models: { m: { cost, ...more } } } })?.rows;

describe("LiteLLM's table", () => {
  it("is read per 1M tokens, with cache, lives, steps, tiers and provenance", () => {
    const rows = litellm({
      cache_read_input_token_cost: 1.25e-7,
      cache_creation_input_token_cost: 3.75e-6,
      cache_creation_input_token_cost_above_1hr: 6e-6,
      input_cost_per_audio_token: 4e-5,
      input_cost_per_token_above_200k_tokens: 5e-6,
      output_cost_per_token_above_200k_tokens: 1.5e-5,
      input_cost_per_token_batches: 1.25e-6,
      output_cost_per_token_batches: 5e-6,
      input_cost_per_token_priority: 4.25e-6,
      output_cost_per_token_priority: 1.7e-5,
      input_cost_per_token_above_200k_tokens_priority: 9e-6,
      output_cost_per_token_above_200k_tokens_priority: 2.7e-5,
      search_context_cost_per_query: { search_context_size_low: 0.01 },
      max_input_tokens: 128_000,
      source: "https://vendor.example/prices",
      deprecation_date: "2030-01-02",
    });
    expect(rows).toEqual([
      {
        provider: "vendor",
        source: "https://vendor.example/prices",
        endsOn: "2030-01-02",
        prices: {
          model: "m",
          input: 2.5,
          output: 10,
          cache_read: 0.125,
          cache_write: 3.75,
          cache_write_1h: 6,
          audio_input: 40,
          context: [{ above: 200_000, input: 5, output: 15 }],
          tiers: {
            batch: { input: 1.25, output: 5 },
            priority: { input: 4.25, output: 17, context: [{ above: 200_000, input: 9, output: 27 }] },
          },
        },
      },
    ]);
  });

  it("has steps also where they are written as ranges", () => {
    const tiered_pricing = [
      { range: [0, 256_000], input_cost_per_token: 5e-8, output_cost_per_token: 4e-7 },
      { range: [256_000, 1e6], input_cost_per_token: 2.5e-7, output_cost_per_token: 2e-6 },
    ];
    const rows = litellm({
      input_cost_per_token: undefined,
      output_cost_per_token: undefined,
      tiered_pricing,
    });
    expect(rows?.map(({ prices }) => prices)).toEqual([
      { model: "m", input: 0.05, output: 0.4, context: [{ above: 256_000, input: 0.25, output: 2 }] },
    ]);
  });

  it("takes 0 for not known, and leaves out what says nothing new", () => {
    const rows = litellm({
      cache_read_input_token_cost: 0,
      cache_creation_input_token_cost: 0,
      input_cost_per_audio_token: 2.5e-6,
      output_cost_per_reasoning_token: 1e-5,
    });
    expect(rows?.map(({ prices }) => prices)).toEqual([{ model: "m", input: 2.5, output: 10 }]);
    expect(litellm({ input_cost_per_token: 0, output_cost_per_token: 0 })).toEqual([]);
    expect(litellm({ output_cost_per_token: 0 })).toEqual([]);
    expect(litellm({ input_cost_per_token: "a lot" })).toEqual([]);
  });

  it("has models that answer with text alone", () => {
    expect(litellm({ mode: "image_generation" })).toEqual([]);
    expect(litellm({ mode: "responses" })).toHaveLength(1);
  });

  it("names models without their provider, but not without more than that", () => {
    expect(litellm({}, "m")?.[0]?.prices.model).toBe("m");
    expect(litellm({}, "vendor/eu/m")?.[0]?.prices.model).toBe("eu/m");
  });
});

describe("models.dev's table", () => {
  it("is read with cache, sound and steps", () => {
    const long = { input: 2.5, output: 15, cache_read: 0.25 };
    const cost = {
      input: 1.25,
      output: 10,
      cache_read: 0.125,
      cache_write: 2,
      input_audio: 1.5,
      reasoning: 12,
      context_over_200k: long,
      tiers: [
        { ...long, tier: { type: "context", size: 200_000 } },
        { input: 9, tier: { type: "other" } },
      ],
    };
    expect(modelsDev(cost)).toEqual([
      {
        provider: "vendor",
        source: undefined,
        endsOn: undefined,
        prices: {
          model: "m",
          input: 1.25,
          output: 10,
          cache_read: 0.125,
          cache_write: 2,
          audio_input: 1.5,
          reasoning: 12,
          context: [{ above: 200_000, ...long }],
        },
      },
    ]);
  });

  it("has only models with a price that answer with text", () => {
    expect(modelsDev({ input: 0, output: 0 })).toEqual([]);
    expect(modelsDev({})).toEqual([]);
    expect(modelsDev({ input: 1, output: 2 }, { modalities: { output: ["image"] } })).toEqual([]);
    expect(modelsDev({ input: 1, output: 2 }, { modalities: { output: ["text"] } })).toHaveLength(1);
    expect(modelsDev({ input: 0.09999999999999999, output: 1 })?.[0]?.prices.input).toBe(0.1);
  });
});

it.each([null, 5, "x", [], {}, { a: 1 }, { a: { b: 1 } }, [{ litellm_provider: "x" }]])(
  "%j is no public price table",
  (json) => {
    expect(readPublicTable(json)).toBeUndefined();
  },
);
