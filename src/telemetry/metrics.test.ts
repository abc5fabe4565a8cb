import { describe, expect, it } from "vitest";
import { createAiFacts, createRecord, type RecordFacts } from "../../test/support/access-records.ts";
import type { RouteMatch } from "../router/router.ts";
import { createMetrics } from "./metrics.ts";

const exchange = {
  route: { route: { id: "r-1", name: "anything" } } as unknown as RouteMatch, // a record reads no more of it
  service: { name: "llm" },
  attempts: [{ host: "h", port: 1, scheme: "https", uri: "/", startedAt: 0, headMs: 60, status: 200 }],
};

function metricsOf(ai: Parameters<typeof createAiFacts>[0] | undefined, facts: RecordFacts = {}, times = 1) {
  const metrics = createMetrics();
  for (let time = 0; time < times; time++) {
    metrics.observe(
      createRecord({ exchange, end: { bytesSent: 42 }, ...facts }),
      ai === undefined ? undefined : createAiFacts(ai),
    );
  }
  return metrics.render().text;
}

const aiLabels =
  'ai_provider="openai",ai_model="m0",cache_status="",vector_db="",embeddings_provider="",embeddings_model="",workspace="default",consumer=""';
const answered = {
  provider: "openai",
  requestModel: "m0",
  llmLatencyMs: 600,
  costUsd: 0.25,
  usage: { inputTokens: 10, outputTokens: 5 },
} as const;

describe("the metrics of a model", () => {
  it("have Kong's names and labels", () => {
    const text = metricsOf(answered, {}, 2);
    for (const line of [
      `kong_ai_llm_requests_total{${aiLabels},request_mode="oneshot"} 2`,
      `kong_ai_llm_cost_total{${aiLabels},request_mode="oneshot"} 0.5`,
      `kong_ai_llm_tokens_total{${aiLabels},token_type="prompt_tokens"} 20`,
      `kong_ai_llm_tokens_total{${aiLabels},token_type="completion_tokens"} 10`,
      `kong_ai_llm_tokens_total{${aiLabels},token_type="total_tokens"} 30`,
      `kong_ai_llm_provider_latency_ms_bucket{${aiLabels},request_mode="oneshot",le="500"} 0`,
      `kong_ai_llm_provider_latency_ms_bucket{${aiLabels},request_mode="oneshot",le="1000"} 2`,
      `kong_ai_llm_provider_latency_ms_bucket{${aiLabels},request_mode="oneshot",le="+Inf"} 2`,
      `kong_ai_llm_provider_latency_ms_sum{${aiLabels},request_mode="oneshot"} 1200`,
      `kong_ai_llm_provider_latency_ms_count{${aiLabels},request_mode="oneshot"} 2`,
    ]) {
      expect(text.split("\n")).toContain(line);
    }
  });

  it("have Kong's buckets", () => {
    const text = metricsOf(answered);
    const bounds = [...text.matchAll(/kong_ai_llm_provider_latency_ms_bucket\{.*le="([^"]+)"\}/g)].map(
      (match) => match[1],
    );
    expect(bounds.join()).toBe("250,500,1000,1500,2000,2500,3000,3500,4000,4500,5000,10000,30000,60000,+Inf");
  });

  it("say nothing of a cost that is unknown or nothing", () => {
    const { costUsd: _costUsd, ...unpriced } = answered;
    expect(metricsOf(unpriced)).not.toMatch(/^kong_ai_llm_cost_total\{/m);
    expect(metricsOf({ ...answered, costUsd: 0 })).not.toMatch(/^kong_ai_llm_cost_total\{/m);
  });

  it("count no request that reached no model", () => {
    const text = metricsOf({ decision: { reason: "no_match", groups: [] } });
    expect(text).not.toMatch(/^kong_ai_llm_requests_total\{/m);
    expect(text).toContain('sluice_routing_decisions_total{route="anything",reason="no_match"} 1');
  });

  it("count the models that clients make up under one name after the first five hundred", () => {
    const metrics = createMetrics();
    for (let index = 0; index < 700; index++) {
      metrics.observe(createRecord(), createAiFacts({ ...answered, requestModel: `made-up-${index}` }));
    }
    metrics.observe(createRecord(), createAiFacts({ ...answered, requestModel: "made-up-3" }));
    const lines = metrics
      .render()
      .text.split("\n")
      .filter((line) => line.startsWith("kong_ai_llm_requests_total{"));
    expect(lines).toHaveLength(501);
    expect(lines.find((line) => line.includes('ai_model="other"'))).toMatch(/ 200$/);
    expect(lines.find((line) => line.includes('ai_model="made-up-3"'))).toMatch(/ 2$/);
  });

  it("tell what budgets decided and counted, and where they had to do without the others' counts", () => {
    const limit = { policy: "policy-1", window_size: 60, limit: 100, reserved: 9, remaining: 1 } as const;
    const text = metricsOf({
      budget: {
        outcome: "soft",
        counters: "local",
        limits: [
          { ...limit, strategy: "total_tokens", charged: 7 },
          { ...limit, strategy: "cost" },
        ],
      },
    });
    for (const line of [
      'sluice_budget_requests_total{route="anything",outcome="soft"} 1',
      'sluice_budget_local_decisions_total{route="anything"} 1',
      'sluice_budget_charged_total{route="anything",policy="policy-1",strategy="total_tokens",window_size="60"} 7',
    ])
      expect(text.split("\n")).toContain(line);
    expect(text).not.toContain('strategy="cost"');
  });

  it("tell how near the nearest group was", () => {
    const groups = [{ description: "d", targets: [], distance: 0.43, within: true }];
    const text = metricsOf({ ...answered, decision: { reason: "matched", groups } });
    expect(text).toContain('sluice_routing_distance_bucket{route="anything",reason="matched",le="0.4"} 0');
    expect(text).toContain('sluice_routing_distance_bucket{route="anything",reason="matched",le="0.45"} 1');
  });
});

describe("the metrics of every exchange", () => {
  it("have Kong's names and labels", () => {
    const lines = metricsOf(undefined).split("\n");
    for (const line of [
      'kong_http_requests_total{service="llm",route="anything",code="200",source="service",workspace="default",consumer=""} 1',
      'kong_request_latency_ms_count{service="llm",route="anything",workspace="default"} 1',
      'kong_request_latency_ms_sum{service="llm",route="anything",workspace="default"} 100',
      'kong_kong_latency_ms_sum{service="llm",route="anything",workspace="default"} 0',
      'kong_upstream_latency_ms_sum{service="llm",route="anything",workspace="default"} 60',
      'kong_bandwidth_bytes{service="llm",route="anything",direction="ingress",workspace="default",consumer=""} 5',
      'kong_bandwidth_bytes{service="llm",route="anything",direction="egress",workspace="default",consumer=""} 42',
    ]) {
      expect(lines).toContain(line);
    }
  });

  it("keep our own answers apart, and do not count a wait that there was not", () => {
    const text = metricsOf(undefined, { exchange: {}, end: { status: 404 } });
    expect(text).toContain(
      'kong_http_requests_total{service="",route="",code="404",source="kong",workspace="default",consumer=""} 1',
    );
    expect(text).not.toContain("kong_upstream_latency_ms_count{");
  });
});

describe("the metrics of a consumer", () => {
  const consumerOf = (username: string | undefined, id = "c-1") => ({
    exchange: { ...exchange, consumer: { id, username, customId: undefined, groups: [] } },
  });
  const httpRequests = (text: string) =>
    text.split("\n").filter((line) => line.startsWith("kong_http_requests_total{"));

  it("have its name, else its custom id, else its id", () => {
    const named = { id: "c-1", username: undefined, customId: "crm-7", groups: [] };
    expect(httpRequests(metricsOf(undefined, { exchange: { ...exchange, consumer: named } }))).toEqual([
      expect.stringContaining('consumer="crm-7"'),
    ]);
    const text = metricsOf(answered, consumerOf("alice"));
    for (const name of ["kong_ai_llm_requests_total", "kong_ai_llm_tokens_total", "kong_http_requests_total"])
      expect(text).toMatch(new RegExp(`^${name}\\{.*consumer="alice"`, "m"));
    expect(httpRequests(metricsOf(undefined, consumerOf(undefined)))).toEqual([
      expect.stringContaining('consumer="c-1"'),
    ]);
  });

  it("are one line for all beyond the first thousand, who are not mixed up with nobody", () => {
    const metrics = createMetrics();
    for (let index = 0; index < 1_100; index++)
      metrics.observe(createRecord(consumerOf(`consumer-${index}`)), undefined);
    metrics.observe(createRecord({ exchange }), undefined);
    const lines = httpRequests(metrics.render().text);
    expect(lines).toHaveLength(1_002);
    expect(lines.find((line) => line.includes('consumer="other"'))).toMatch(/ 100$/);
    expect(lines.find((line) => line.includes('consumer=""'))).toMatch(/ 1$/);
  });
});

describe("the text that is scraped", () => {
  it("is Prometheus' format: every family has help, type and well-formed samples", () => {
    const metrics = createMetrics();
    metrics.observe(createRecord({ exchange }), createAiFacts(answered));
    let value = 3;
    metrics.reading("sluice_running", "Exchanges under way", "gauge", () => value);
    metrics.readings("sluice_stores", "Stores in use", "gauge", ["store", "state"], () => [
      { labels: ["redis", "up"], value },
    ]);
    value = 4;
    const { text, contentType } = metrics.render();
    expect(contentType).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(text.endsWith("\n")).toBe(true);
    expect(text).toContain("# TYPE sluice_running gauge\nsluice_running 4\n");
    expect(text).toContain('# TYPE sluice_stores gauge\nsluice_stores{store="redis",state="up"} 4\n');
    const typed = new Map(
      [...text.matchAll(/^# TYPE (\S+) (counter|gauge|histogram)$/gm)].map((match) => [match[1], match[2]]),
    );
    const helped = new Set([...text.matchAll(/^# HELP (\S+) \S/gm)].map((match) => match[1]));
    expect([...typed.keys()]).toEqual([...helped]);
    for (const line of text.split("\n").filter((each) => each !== "" && !each.startsWith("#"))) {
      const [, name = ""] =
        /^([a-z_]+)(?:\{(?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)+\})? -?\d+(?:\.\d+)?(?:e[+-]\d+)?$/.exec(line) ??
        [];
      expect(name, line).not.toBe("");
      expect(typed.has(name.replace(/_(?:bucket|sum|count)$/, "")) || typed.has(name), line).toBe(true);
    }
  });

  it("cannot be broken by the name of a model", () => {
    const metrics = createMetrics();
    metrics.observe(createRecord(), createAiFacts({ ...answered, requestModel: 'a"} 1\nevil_metric 2\\' }));
    const { text } = metrics.render();
    expect(text).toContain('ai_model="a\\"} 1\\nevil_metric 2\\\\"');
    expect(text).not.toMatch(/^evil_metric/m);
  });
});
