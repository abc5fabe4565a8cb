import { describe, expect, it } from "vitest";
import {
  createAiFacts,
  createRecord,
  createTriedTarget,
  type RecordFacts,
} from "../../test/support/access-records.ts";
import { parseExposition, sumOf } from "../../test/support/exposition.ts";
import type { AiFacts, TriedTarget } from "../llm/ai-facts.ts";
import type { RouteMatch } from "../router/router.ts";
import { nothing } from "./counted.ts";
import { createMetrics } from "./metrics.ts";

const route = { route: { id: "r-1", name: "chat" } } as unknown as RouteMatch; // a record reads no more of it
const attempt = { host: "h", port: 1, scheme: "https", uri: "/", startedAt: 0 };
const answered = { provider: "openai", requestModel: "gpt-4o" };

function tried(model: string, failure?: string, kind?: string): TriedTarget {
  return createTriedTarget({
    model,
    ...(failure !== undefined && { failure }),
    ...(kind !== undefined && { failure_kind: kind }),
  });
}

function scrape(ai: Partial<AiFacts>, facts: RecordFacts = {}) {
  const metrics = createMetrics();
  const record = createRecord({ ...facts, exchange: { route, attempts: [attempt], ...facts.exchange } });
  metrics.observe(record, createAiFacts(ai), nothing); // ours are counted whatever is chosen of Kong's
  return parseExposition(metrics.render().text);
}

describe("attempts that failed", () => {
  it("are counted by target and kind, and as failovers where another was tried", () => {
    const families = scrape({
      ...answered,
      tried: [tried("a", "read_timeout", "timeout"), tried("b", "http_503"), tried("c")],
    });
    const failures = (labels: Record<string, string>) =>
      sumOf(families, "sluice_attempt_failures_total", { route: "chat", ...labels });
    expect(failures({ target: "openai/a", failure: "timeout" })).toBe(1);
    expect(failures({ target: "openai/b", failure: "http_503" })).toBe(1);
    expect(failures({})).toBe(2);
    expect(sumOf(families, "sluice_failovers_total")).toBe(2);
  });

  it("are no failover where they were the last", () => {
    const families = scrape({ ...answered, tried: [tried("a", "refused", "error")] });
    expect(sumOf(families, "sluice_attempt_failures_total")).toBe(1);
    expect(sumOf(families, "sluice_failovers_total", { failure: "error" })).toBe(0);
  });

  it("show as retries by route", () => {
    const families = scrape(answered, { exchange: { attempts: [attempt, attempt, attempt] } });
    expect(sumOf(families, "sluice_retries_total", { route: "chat" })).toBe(2);
    expect(scrape(answered).get("sluice_retries_total")?.samples).toEqual([]);
  });
});

describe("streams", () => {
  const outcomes = (ai: Partial<AiFacts>, facts?: RecordFacts) =>
    scrape({ ...answered, ...ai }, facts)
      .get("sluice_streams_total")
      ?.samples.map(({ labels }) => labels["outcome"]);

  it("are counted by how they ended", () => {
    expect(outcomes({ mode: "stream" })).toEqual(["complete"]);
    expect(outcomes({ mode: "stream", streamError: "client_aborted" })).toEqual(["client_aborted"]);
    expect(outcomes({ mode: "stream", streamError: "upstream_cut" })).toEqual(["upstream_cut"]);
  });

  it("are none where the answer is whole, or an error was told instead", () => {
    expect(outcomes({ mode: "oneshot" })).toEqual([]);
    expect(outcomes({ mode: "stream" }, { end: { status: 429 } })).toEqual([]);
    expect(outcomes({ mode: "stream" }, { error: new Error("no target") })).toEqual([]);
  });

  it("tell how long their first content took", () => {
    const families = scrape({ ...answered, mode: "stream", timeToFirstTokenMs: 120 });
    const name = "sluice_time_to_first_token_ms";
    expect(sumOf(families, `${name}_bucket`, { ai_model: "gpt-4o", le: "100" })).toBe(0);
    expect(sumOf(families, `${name}_bucket`, { ai_model: "gpt-4o", le: "200" })).toBe(1);
  });
});

describe("what is not known for sure", () => {
  const usage = { inputTokens: 10, outputTokens: 5 };

  it("is a cost without a price, which is not one of nothing", () => {
    const unknown = (ai: Partial<AiFacts>) =>
      sumOf(scrape({ ...answered, ...ai }), "sluice_cost_unknown_total", { ai_provider: "openai" });
    expect(unknown({ usage })).toBe(1);
    expect(unknown({ usage, costUsd: 0 })).toBe(0);
    expect(unknown({})).toBe(0);
  });

  it("is usage that we have estimated", () => {
    const estimated = (isEstimated: boolean) =>
      sumOf(
        scrape({ ...answered, usage: { ...usage, estimated: isEstimated } }),
        "sluice_usage_estimated_total",
      );
    expect([estimated(true), estimated(false)]).toEqual([1, 0]);
  });
});
