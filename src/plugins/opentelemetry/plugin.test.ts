import { describe, expect, it } from "vitest";
import { createExchange } from "../../../test/support/exchange.ts";
import { createPluginServices } from "../../../test/support/fake-plugins.ts";
import { head } from "../../../test/support/load-config.ts";
import { formatProblem, loadConfig } from "../../config/load.ts";
import { opentelemetryConfig } from "./config.ts";
import { opentelemetry } from "./plugin.ts";

const endpoint = "http://127.0.0.1:4318/v1/traces";
const meta = { id: "plugin-1", instanceName: undefined };

const load = (config: Readonly<Record<string, unknown>>) =>
  loadConfig(`${head}plugins: [{name: opentelemetry, config: ${JSON.stringify(config)}}]`, {
    file: "gateway.yaml",
    env: {},
    plugins: [opentelemetry],
  });
const words = (config: Readonly<Record<string, unknown>>) =>
  load(config).problems.map(formatProblem).join("\n");
const findings = (config: Readonly<Record<string, unknown>>) =>
  opentelemetry.check?.(
    opentelemetryConfig.parse({ traces_endpoint: endpoint, sampling_rate: 1, ...config }),
  ) ?? [];

describe("opentelemetry", () => {
  it("takes a complete config without a word", () => {
    expect(
      load({ traces_endpoint: endpoint, sampling_rate: 0.5, headers: { "x-token": "t" } }).problems,
    ).toEqual([]);
  });

  it("says what it does not act on", () => {
    const config = {
      traces_endpoint: endpoint,
      sampling_rate: 1,
      logs_endpoint: "http://x/v1/logs",
      metrics: { endpoint: "http://x/v1/metrics" },
      access_logs: { endpoint: "http://x/v1/logs" },
      queue: { max_bytes: 5, concurrency_limit: -1 },
      batch_span_count: 10,
      propagation: { extract: ["w3c", "datadog"], inject: ["preserve"], default_format: "jaeger" },
      resource_attributes: { "service.name": "$(headers.host)" },
    };
    const { config: loaded, problems } = load(config);
    expect(loaded).toBeDefined();
    expect(problems.every(({ severity }) => severity === "notice")).toBe(true);
    const text = words(config);
    for (const name of ["logs_endpoint", "metrics", "access_logs", "max_bytes", "concurrency_limit"])
      expect(text).toContain(`${name}: accepted, not acted on yet`);
    for (const said of [
      "batch_span_count: is deprecated",
      "datadog is neither",
      "jaeger is neither",
      "is left out",
    ])
      expect(text).toContain(said);
  });

  it("warns where nothing would be traced, or next to nothing", () => {
    expect(findings({ traces_endpoint: undefined }).map(({ severity, path }) => [severity, ...path])).toEqual(
      [["warning", "traces_endpoint"]],
    );
    expect(findings({ sampling_rate: undefined })[0]?.message).toContain("1 trace in 100 is kept");
  });

  it("refuses what cannot be a header, or an address", () => {
    const faults = findings({
      headers: { "x y": "1", fine: "ü", good: "line\nbreak" },
      http_response_header_for_traceid: "trace id",
      propagation: { clear: ["ok", ""] },
    });
    expect(faults.map(({ path }) => path.join("."))).toEqual([
      "headers.x y",
      "headers.good",
      "http_response_header_for_traceid",
      "propagation.clear.1",
    ]);
    expect(findings({ traces_endpoint: "http://me:secret@x/v1" })[0]).toMatchObject({ severity: "error" });
    expect(words({ traces_endpoint: "localhost:4318" })).toContain("traces_endpoint");
    expect(JSON.stringify(load({ headers: { "x-token": 12345 } }).problems)).not.toContain("12345");
  });

  it("says where its traces go, without the query", () => {
    const config = { traces_endpoint: `${endpoint}?token=hidden`, sampling_rate: 0.07 };
    const plugin = opentelemetry.create(opentelemetryConfig.parse(config), createPluginServices(), meta);
    expect(plugin.describe?.()).toEqual([`traces to ${endpoint}, 7 % of them`]);
    expect(plugin.health?.()).toMatchObject([{ name: endpoint, state: "unknown", dropped: 0 }]);
  });

  it("without an address does nothing, and before it has started neither", () => {
    expect(opentelemetry.create(opentelemetryConfig.parse({}), createPluginServices(), meta)).toEqual({});
    const config = opentelemetryConfig.parse({ traces_endpoint: endpoint });
    const exchange = createExchange();
    opentelemetry.create(config, createPluginServices(), meta).begin?.(exchange);
    expect(exchange.trace).toBeUndefined();
  });
});
