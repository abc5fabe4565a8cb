import { describe, expect, it } from "vitest";
import { createAiFacts, createRecord } from "../../test/support/access-records.ts";
import { parseExposition, sumOf } from "../../test/support/exposition.ts";
import type { RoutingDecision } from "../llm/routing-decision.ts";
import { nothing } from "./counted.ts";
import { createMetrics } from "./metrics.ts";

const group = { description: "d", targets: [], within: true };
const groups = [
  { ...group, distance: 0.43 },
  { ...group, distance: 0.61 },
];

function scrape(...decisions: readonly RoutingDecision[]) {
  const metrics = createMetrics();
  for (const decision of decisions)
    metrics.observe(createRecord(), createAiFacts({ decision, embeddingsProvider: "local" }), nothing);
  return parseExposition(metrics.render().text);
}

describe("the metrics of decisions", () => {
  it("tell distance and margin by reason", () => {
    const families = scrape(
      { reason: "matched", groups, margin: 0.18 },
      { reason: "catchall", groups: [{ ...group, distance: 0.9, within: false }] },
    );
    expect(sumOf(families, "sluice_routing_decisions_total", { reason: "catchall" })).toBe(1);
    expect(sumOf(families, "sluice_routing_distance_sum", { reason: "matched" })).toBe(0.43);
    expect(sumOf(families, "sluice_routing_distance_sum", { reason: "catchall" })).toBe(0.9);
    expect(sumOf(families, "sluice_routing_margin_bucket", { reason: "matched", le: "0.15" })).toBe(0);
    expect(sumOf(families, "sluice_routing_margin_bucket", { reason: "matched", le: "0.2" })).toBe(1);
    expect(sumOf(families, "sluice_routing_margin_count", { reason: "catchall" })).toBe(0);
  });

  it("measure how long vectors took that were not cached, by embedder", () => {
    const embedding = { model: "minilm", cached: false, latencyMs: 0.4 };
    const families = scrape(
      { reason: "matched", groups, embedding },
      { reason: "matched", groups, embedding: { ...embedding, cached: true, latencyMs: 0 } },
      { reason: "fallback", groups: [] },
    );
    const name = "sluice_embedding_latency_ms";
    expect(sumOf(families, `${name}_count`, { provider: "local", model: "minilm" })).toBe(1);
    expect(sumOf(families, `${name}_bucket`, { le: "0.25" })).toBe(0);
    expect(sumOf(families, `${name}_bucket`, { le: "0.5" })).toBe(1);
  });
});
