import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createAiFacts, createRecord, createTriedTarget } from "../../test/support/access-records.ts";
import { bounded, maxCombinations, maxConsumers, maxModels, other } from "./label-bounds.ts";
import { createMetrics, type Metrics } from "./metrics.ts";

const record = createRecord();

/** An exchange as anybody may send it: a model that answered, another that failed before. */
function observe(metrics: Metrics, facts: { model: string; consumer: string; at: number }): void {
  const failure = `http_${500 + (facts.at % 10)}`;
  const tried = createTriedTarget({ model: `${facts.model}-first`, failure });
  metrics.observe(
    {
      ...record,
      response: { ...record.response, status: 200 + (facts.at % 50) },
      consumer: { id: facts.consumer },
    },
    createAiFacts({
      provider: facts.at % 2 === 0 ? "openai" : "anthropic",
      mode: facts.at % 3 === 0 ? "stream" : "oneshot",
      requestModel: facts.model,
      timeToFirstTokenMs: 5,
      usage: { inputTokens: 1, outputTokens: 1, estimated: true },
      tried: [tried, { ...tried, model: facts.model }],
    }),
  );
}

describe("the number of series", () => {
  it("is bounded, whatever models and consumers there are, and no exchange goes uncounted", () => {
    const exchanges = 20_000;
    const made = fc.record({
      models: fc.integer({ min: 1, max: exchanges }),
      consumers: fc.integer({ min: 1, max: exchanges }),
      stride: fc.constantFrom(1, 7, 101),
    });
    fc.assert(
      fc.property(made, ({ models, consumers, stride }) => {
        const metrics = createMetrics();
        for (let at = 0; at < exchanges; at++)
          observe(metrics, { model: `m${(at * stride) % models}`, consumer: `c${at % consumers}`, at });
        const snapshot = metrics.snapshot();
        const family = (name: string) => snapshot.find((each) => each.name === name);
        const total = (name: string) =>
          family(name)?.series.reduce((sum, { values }) => sum + (values[0] ?? 0), 0);
        for (const { name, series } of snapshot) {
          // Beyond the bound: two providers, two modes and three kinds of tokens, or fifty statuses, of the rest.
          const kinds = name === "kong_ai_llm_tokens_total" ? 3 : 1;
          expect(series.length, name).toBeLessThanOrEqual(kinds * (maxCombinations + 50));
        }
        expect(total("kong_ai_llm_requests_total")).toBe(exchanges);
        expect(total("kong_http_requests_total")).toBe(exchanges);
        expect(total("sluice_attempt_failures_total")).toBe(2 * exchanges);
        expect(total("sluice_usage_estimated_total")).toBe(exchanges);
      }),
      { numRuns: 8 },
    );
  });

  it("leaves those apart that came first, and nobody apart from the rest", () => {
    const metrics = createMetrics();
    const consumers = 20;
    for (let at = 0; at < maxModels * consumers; at++)
      observe(metrics, { model: `m${at % maxModels}`, consumer: `c${Math.floor(at / maxModels)}`, at });
    metrics.observe(record, createAiFacts({ provider: "openai", requestModel: "m1" }));
    const lines = metrics.render().text.split("\n");
    const requests = lines.filter((line) => line.startsWith("kong_ai_llm_requests_total{"));
    expect(requests.some((line) => /ai_model="m1".*consumer="c0"/.test(line))).toBe(true);
    expect(requests.some((line) => line.includes(`ai_model="${other}"`))).toBe(true);
    expect(requests.some((line) => /ai_model="other".*consumer=""/.test(line))).toBe(true);
  });
});

describe("a bounded label", () => {
  it("lets the first so many values through and the empty one always", () => {
    const bound = bounded(2);
    expect(["a", "b", "c", "", "a", "other"].map(bound)).toEqual(["a", "b", "other", "", "a", "other"]);
  });

  it("is of a size that a store of metrics can take", () => {
    expect([maxModels, maxConsumers, maxCombinations]).toEqual([500, 1_000, 5_000]);
  });
});
