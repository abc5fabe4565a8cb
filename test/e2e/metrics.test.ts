/** What Prometheus reads of a real gateway: well-formed, documented in full, and all that the dashboard asks for. */
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask, hello, read } from "../support/ask.ts";
import { labelsOf, parseExposition, type ScrapedFamily, sumOf } from "../support/exposition.ts";
import { type Stack, startStack, until } from "../support/gateway.ts";
import { type ConfigObject, chatUrl, openaiTarget, remoteEmbeddings } from "../support/gateway-config.ts";
import { parsePromql } from "../support/promql.ts";
import { codeBlocks } from "../support/readme.ts";
import { buildCommand, createWorkplace } from "../support/sluice-process.ts";
import { openTestLedger, type TestLedger } from "../support/test-ledger.ts";

type Families = ReadonlyMap<string, ScrapedFamily>;

/** Where a server or a plugin is needed that is not here; they are read with one in their own tests. */
const needServers = [
  "sluice_budget_counters_up",
  "sluice_budget_counters_failures_total",
  "sluice_budget_counters_writes_total",
  "sluice_budget_local_decisions_total",
  "sluice_log_endpoint_up",
  "sluice_log_endpoint_failures_total",
  "sluice_log_endpoint_writes_total",
  "sluice_log_file_up",
  "sluice_log_file_failures_total",
  "sluice_log_file_writes_total",
  "sluice_log_entries_dropped_total",
  "sluice_trace_collector_up",
  "sluice_trace_collector_failures_total",
  "sluice_trace_collector_writes_total",
  "sluice_trace_collector_dropped_total",
  "sluice_shared_state_up",
  "sluice_shared_state_failures_total",
  "sluice_shared_state_writes_total",
];

const prices = { input_cost: 1, output_cost: 2 };

/** Routing by meaning for those with a key, and a plain balancer whose first target fails. */
function configOf(simulator: string, healthUrl: string): ConfigObject {
  const target = (model: string, description: string, options: ConfigObject = prices) =>
    openaiTarget(chatUrl(simulator), { model, description, options });
  const embeddings = remoteEmbeddings(`${simulator}/v1/embeddings`);
  const embeddingModel = embeddings["model"] as ConfigObject; // as it is made
  const options = { ...(embeddingModel["options"] as ConfigObject), input_cost: 0.02 };
  const health_check = { url: healthUrl, interval: 100 };
  return {
    _format_version: "3.0",
    services: [
      {
        name: "llm",
        url: "http://localhost",
        routes: [
          { name: "chat", paths: ["/chat"] },
          { name: "failing", paths: ["/failing"] },
        ],
      },
      { name: "plain", host: "plain.internal" },
    ],
    upstreams: [{ name: "plain.internal", targets: [{ target: "127.0.0.1:9" }] }],
    consumers: [{ username: "alice", keyauth_credentials: [{ key: "alice-key" }] }],
    plugins: [
      { name: "key-auth", route: "chat" },
      {
        name: "ai-rate-limiting-advanced",
        route: "chat",
        config: {
          policies: [
            { limits: [{ limit: 1_000_000, window_size: 3600, tokens_count_strategy: "total_tokens" }] },
          ],
        },
      },
      {
        name: "ai-proxy-advanced",
        route: "chat",
        config: {
          targets: [
            target("gpt-4o", "programming and code"),
            target("gpt-4o-mini", "weather and travel"),
            target("house-model", "CATCHALL", {}),
          ],
          embeddings: { ...embeddings, model: { ...embeddingModel, options } },
          vectordb: { strategy: "memory", distance_metric: "cosine", threshold: 0.8, dimensions: 1536 },
          balancer: { algorithm: "semantic" },
        },
      },
      {
        name: "ai-proxy-advanced",
        route: "failing",
        config: {
          targets: [
            openaiTarget(chatUrl(simulator), {
              model: "broken",
              weight: 99,
              options: prices,
              extra: { health_check },
            }),
            openaiTarget(chatUrl(simulator), { model: "gpt-4o", weight: 1, options: prices }),
          ],
          balancer: { failover_criteria: ["http_503", "non_idempotent"], max_fails: 0 },
        },
      },
    ],
  };
}

let stack: Stack;
let books: TestLedger;
let healthServer: Server;
/** Of one process, and of a gateway with workers. */
let single: Families;
let withWorkers: Families;

beforeAll(async () => {
  healthServer = createServer((_, response) => response.end());
  await new Promise<void>((resolve) => healthServer.listen(0, "127.0.0.1", resolve));
  const { port } = healthServer.address() as AddressInfo; // it listens on a port
  books = openTestLedger();
  stack = await startStack({
    config: (url) => configOf(url, `http://127.0.0.1:${port}/`),
    ledger: books.ledger,
  });
  single = await scrapeSingle();
  withWorkers = await scrapeWorkers();
}, 60_000);

afterAll(async () => {
  await stack.close();
  await books.dispose();
  healthServer.close();
});

/** Successes, failures, streams, prompts that match and that do not, answers without price or usage. */
async function scrapeSingle(): Promise<Families> {
  const { simulator } = stack;
  simulator.behave({ match: { model: "broken" }, behaviour: { status: 503 } });
  simulator.behave({ match: { model: "house-model" }, behaviour: { noUsage: true } });
  const headers = { apikey: "alice-key" };
  const prompts = [
    "How do I write a Python function?",
    "Will it rain in Lisbon tomorrow?",
    "Ode to an old shoe",
  ];
  for (const stream of [false, true]) {
    for (const content of prompts)
      await stack.send({ headers, body: { messages: [{ role: "user", content }], stream } });
  }
  await stack.send({ headers, body: { messages: [{ role: "user", content: prompts[0] }] } }); // its vector is cached
  await stack.send({ body: hello }); // nobody's
  await stack.send({ path: "/failing", body: hello });
  await stack.send({ path: "/nowhere", body: hello });
  await until(() => stack.records.length === 10, "ten records");
  await until(() => stack.gateway.targets().some(({ healthy }) => healthy === true), "the health check");
  return parseExposition(stack.metrics());
}

async function scrapeWorkers(): Promise<Families> {
  const command = await buildCommand();
  const workplace = createWorkplace(command);
  try {
    workplace.write(configOf(stack.simulator.url, "http://127.0.0.1:9/"));
    const { addresses } = await workplace.start(["--workers", "2"]);
    for (let count = 0; count < 4; count++) expect((await ask(addresses.proxy)).status).toBe(401);
    const [status, admin] = await Promise.all([
      read(`${addresses.status}/metrics`),
      read(`${addresses.admin}/metrics`),
    ]);
    expect([...parseExposition(admin.text).keys()]).toEqual([...parseExposition(status.text).keys()]);
    return parseExposition(status.text);
  } finally {
    await workplace.dispose();
  }
}

/** The series that the gateway exports in all of its ways. */
const everything = (): Families => new Map([...withWorkers, ...single]);

describe("a scrape", () => {
  it("is well-formed and counts what there was, in one process", () => {
    expect(sumOf(single, "kong_http_requests_total")).toBe(10);
    expect(sumOf(single, "kong_ai_llm_requests_total")).toBe(8);
    expect(sumOf(single, "kong_ai_llm_requests_total", { consumer: "alice" })).toBe(7);
    expect(sumOf(single, "sluice_failovers_total", { target: "openai/broken", failure: "http_503" })).toBe(1);
    expect(sumOf(single, "sluice_streams_total", { outcome: "complete" })).toBe(3);
    expect(sumOf(single, "sluice_time_to_first_token_ms_count")).toBe(3);
    expect(sumOf(single, "sluice_usage_estimated_total", { ai_model: "house-model" })).toBe(2);
    expect(sumOf(single, "sluice_cost_unknown_total", { ai_model: "house-model" })).toBe(2);
    expect(sumOf(single, "sluice_embedding_latency_ms_count", { provider: "openai" })).toBe(3);
    expect(sumOf(single, "sluice_routing_decisions_total", { reason: "catchall" })).toBe(2);
  });

  it("is well-formed and adds up, of several workers", () => {
    expect(sumOf(withWorkers, "kong_http_requests_total", { code: "401" })).toBe(4);
    expect(sumOf(withWorkers, "sluice_workers_serving")).toBe(2);
    expect(sumOf(withWorkers, "sluice_build_info")).toBe(1);
    expect(sumOf(withWorkers, "kong_upstream_target_health", { state: "healthchecks_off" })).toBe(1);
    expect(sumOf(withWorkers, "kong_upstream_target_health")).toBe(1);
  });

  it("has a sample of everything, but of what needs a server", () => {
    const empty = [...everything().values()].filter(({ samples }) => samples.length === 0);
    expect(empty.map(({ name }) => name).sort()).toEqual([...needServers].sort());
  });
});

interface DocumentedMetric {
  readonly type: string;
  readonly labels: readonly string[];
}

const page = readFileSync(new URL("../../docs/guide/metrics.md", import.meta.url), "utf8");

/** The rows of the guide's tables: name, type, labels, meaning. */
function documented(): ReadonlyMap<string, DocumentedMetric> {
  const rows = [...page.matchAll(/^\| `((?:kong|sluice)_\w+)` \| (\w+) \|([^|]*)\| [^|]+ \|$/gm)];
  return new Map(
    rows.map(([, name = "", type = "", labels = ""]) => [
      name,
      { type, labels: [...labels.matchAll(/\w+/g)].map(([label]) => label) },
    ]),
  );
}

describe("docs/guide/metrics.md", () => {
  it("has every metric, and no other", () => {
    expect([...documented().keys()].sort()).toEqual([...everything().keys()].sort());
  });

  it("has their types and labels", () => {
    for (const [name, family] of everything()) {
      const { type, labels } = documented().get(name) ?? {};
      expect(type, name).toBe(family.type);
      const own = labelsOf(family);
      if (own !== undefined) expect([...(labels ?? [])].sort(), name).toEqual([...own].sort());
    }
  });
});

/** What Prometheus adds to every series that it scrapes. */
const scraped = ["instance", "job"];

/** The labels that a metric has once it is scraped. */
function labelsIn(families: Families, metric: string): readonly string[] {
  const family = families.get(metric.replace(/_(?:bucket|sum|count)$/, "")) ?? families.get(metric);
  const name = family?.name ?? metric;
  const own = (family && labelsOf(family)) ?? documented().get(name)?.labels ?? [];
  return [...own, ...scraped, ...(metric.endsWith("_bucket") ? ["le"] : [])];
}

function checkMetric(metric: string, where: string): void {
  const families = everything();
  const family = families.get(metric) ?? families.get(metric.replace(/_(?:bucket|sum|count)$/, ""));
  expect(family, `${where}: ${metric}`).toBeDefined();
  if (needServers.includes(metric)) return;
  const names = family?.samples.map(({ name }) => name);
  expect(names, `${where}: ${metric}`).toContain(metric);
}

describe("the PromQL of docs/guide/metrics.md", () => {
  const [block = ""] = codeBlocks(page, "promql");
  const expressions = block.split("\n").filter((line) => line !== "" && !line.startsWith("#"));

  it.each(expressions)("asks for what there is: %s", (expression) => {
    for (const { labels, metric } of parsePromql(expression).selectors) {
      checkMetric(metric, expression);
      expect(labelsIn(everything(), metric)).toEqual(expect.arrayContaining([...labels]));
    }
  });

  it("is there", () => {
    expect(expressions.length).toBeGreaterThan(4);
  });
});

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly uid: string };
  readonly gridPos: { readonly h: number; readonly w: number; readonly x: number; readonly y: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

describe("examples/grafana/dashboard.json", () => {
  const folder = new URL("../../examples/grafana/", import.meta.url);
  const dashboard = JSON.parse(readFileSync(new URL("dashboard.json", folder), "utf8")) as {
    readonly panels: readonly Panel[];
    readonly templating: {
      readonly list: readonly { readonly name: string; readonly definition?: string }[];
    };
  }; // what of it is wrong, a test below fails of
  const panels = dashboard.panels.filter(({ type }) => type !== "row");
  it("asks for nothing that a gateway does not export", () => {
    for (const { targets = [], title } of panels) {
      expect(targets, title).not.toEqual([]);
      for (const { expr, legendFormat } of targets) {
        const { grouping, selectors } = parsePromql(expr);
        const known = selectors.flatMap(({ metric }) => labelsIn(everything(), metric));
        for (const { labels, metric } of selectors) {
          checkMetric(metric, title);
          expect(labelsIn(everything(), metric), `${title}: ${metric}`).toEqual(
            expect.arrayContaining([...labels]),
          );
        }
        expect(known, `${title}: ${expr}`).toEqual(expect.arrayContaining([...grouping]));
        const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = ""]) => label);
        expect(grouping, `${title}: ${legendFormat}`).toEqual(expect.arrayContaining(shown));
      }
    }
  });

  const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

  it.each(expressions)("takes rates of what counts up alone, and quantiles of buckets: %s", (expr) => {
    const { functions, grouping, selectors } = parsePromql(expr);
    const isQuantile = functions.has("histogram_quantile");
    for (const { metric, within } of selectors) {
      const isGauge = everything().get(metric)?.type === "gauge";
      expect(within === "rate" || within === "increase", metric).toBe(!isGauge);
      if (isQuantile) expect(metric).toMatch(/_bucket$/);
    }
    if (isQuantile) expect(grouping).toContain("le");
  });

  it("lets one choose by labels that there are", () => {
    const queries = dashboard.templating.list.flatMap(({ definition }) => definition ?? []);
    expect(queries).toHaveLength(3);
    for (const query of queries) {
      const [, metric = "", label = ""] = /^label_values\((\w+)(?:\{[^}]*\})?, (\w+)\)$/.exec(query) ?? [];
      checkMetric(metric, query);
      expect(labelsIn(everything(), metric), query).toContain(label);
    }
    const used = new Set(JSON.stringify(panels).match(/\$(?!__)\w+/g));
    expect([...used].sort()).toEqual(["$instance", "$model", "$route"]);
  });

  it("has panels that say what they show, from the chosen data source, beside each other", () => {
    const cells = new Set<string>();
    for (const { datasource, description, gridPos, title } of panels) {
      expect(description, title).toMatch(/\.$/);
      expect(datasource?.uid, title).toBe(`\${datasource}`);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(cells.has(`${x} ${y}`), title).toBe(false);
          cells.add(`${x} ${y}`);
        }
      }
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
    }
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  });

  it("is explained panel by panel in the README", () => {
    const readme = readFileSync(new URL("README.md", folder), "utf8");
    for (const { title } of panels) expect(readme).toContain(`| ${title} |`);
  });
});
