/** Kong's metrics as they are published: names, types, labels, buckets. Prometheus does not care for the order of labels. */
import { describe, expect, it } from "vitest";
import { createAiFacts, createRecord } from "../../test/support/access-records.ts";
import { labelsOf, parseExposition } from "../../test/support/exposition.ts";
import type { RouteMatch } from "../router/router.ts";
import type { Counted } from "./counted.ts";
import { everything, nothing } from "./counted.ts";
import { createMetrics } from "./metrics.ts";

const cache = ["cache_status", "vector_db", "embeddings_provider", "embeddings_model"];
const model = ["ai_provider", "ai_model", ...cache, "request_mode", "workspace", "consumer"];
const latency = ["service", "route", "workspace"];
const provider = [250, 500, 1000, 1500, 2000, 2500, 3000, 3500, 4000, 4500, 5000, 10000, 30000, 60000];
const own = [1, 2, 5, 7, 10, 15, 20, 30, 50, 75, 100, 200, 500, 750, 1000, 3000, 6000];
const waiting = [25, 50, 80, 100, 250, 400, 700, 1000, 2000, 5000, 10000, 30000, 60000];

const published: readonly {
  readonly name: string;
  readonly type: "counter" | "histogram";
  readonly help: string;
  readonly labels: readonly string[];
  readonly buckets?: readonly number[];
  /** The flag by which it is counted. */
  readonly flag: keyof Counted;
}[] = [
  {
    name: "kong_http_requests_total",
    type: "counter",
    help: "Requests by status",
    labels: ["service", "route", "code", "source", "consumer", "workspace"],
    flag: "status",
  },
  {
    name: "kong_request_latency_ms",
    type: "histogram",
    help: "Milliseconds from the first byte in to the last byte out",
    labels: latency,
    buckets: waiting,
    flag: "latency",
  },
  {
    name: "kong_kong_latency_ms",
    type: "histogram",
    help: "Milliseconds added by the gateway",
    labels: latency,
    buckets: own,
    flag: "latency",
  },
  {
    name: "kong_upstream_latency_ms",
    type: "histogram",
    help: "Milliseconds to the upstream's head",
    labels: latency,
    buckets: waiting,
    flag: "latency",
  },
  {
    name: "kong_bandwidth_bytes",
    type: "counter",
    help: "Body bytes in (ingress) and out (egress)",
    labels: ["service", "route", "direction", "consumer", "workspace"],
    flag: "bandwidth",
  },
  {
    name: "kong_ai_llm_requests_total",
    type: "counter",
    help: "Requests answered by a model",
    labels: model,
    flag: "ai",
  },
  {
    name: "kong_ai_llm_cost_total",
    type: "counter",
    help: "Cost of requests in USD",
    labels: model,
    flag: "ai",
  },
  {
    name: "kong_ai_llm_tokens_total",
    type: "counter",
    help: "Tokens by kind",
    labels: [...model.filter((label) => label !== "request_mode"), "token_type"],
    flag: "ai",
  },
  {
    name: "kong_ai_llm_provider_latency_ms",
    type: "histogram",
    help: "Milliseconds to the whole answer of a model",
    labels: model,
    buckets: provider,
    flag: "ai",
  },
];

const record = createRecord({
  exchange: {
    route: { route: { id: "r-1", name: "chat" } } as unknown as RouteMatch, // a record reads no more of it
    service: { name: "llm" },
    consumer: { id: "c-1", username: "alice", customId: undefined, groups: [] },
    attempts: [{ host: "h", port: 1, scheme: "https", uri: "/", startedAt: 0, headMs: 60, status: 200 }],
  },
});
const ai = createAiFacts({
  provider: "openai",
  requestModel: "gpt-4o",
  llmLatencyMs: 600,
  costUsd: 0.25,
  usage: { inputTokens: 10, outputTokens: 5 },
});

function scrape(counted?: Counted) {
  const metrics = createMetrics();
  metrics.observe(record, ai, counted);
  return parseExposition(metrics.render().text);
}

describe("Kong's metrics", () => {
  it("are these and no others", () => {
    const names = [...scrape().keys()].filter((name) => name.startsWith("kong_"));
    expect(names).toEqual(published.map(({ name }) => name));
  });

  it.each(published)("have $name as it is published", ({ name, type, help, labels, buckets, flag }) => {
    const family = scrape().get(name);
    expect(family).toMatchObject({ type, help });
    expect([...((family && labelsOf(family)) || [])].sort()).toEqual([...labels].sort());
    const bounds = family?.samples.flatMap(({ labels: { le } }) => (le === undefined ? [] : [le])) ?? [];
    expect(bounds).toEqual(buckets === undefined ? [] : [...buckets.map(String), "+Inf"]);
    expect(scrape({ ...nothing, [flag]: true }).get(name)?.samples).not.toEqual([]);
    expect(scrape({ ...everything, [flag]: false }).get(name)?.samples).toEqual([]);
  });

  it("name the consumer only where they are to", () => {
    const consumers = (counted: Counted) =>
      new Set(
        [...scrape(counted).values()].flatMap(({ samples }) =>
          samples.flatMap(({ labels }) => (labels["consumer"] === undefined ? [] : [labels["consumer"]])),
        ),
      );
    expect([...consumers(everything)]).toEqual(["alice"]);
    expect([...consumers({ ...everything, perConsumer: false })]).toEqual([""]);
  });
});
