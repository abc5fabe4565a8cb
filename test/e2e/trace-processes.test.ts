/** Tracing in processes of its own: what it loads, and what a stop by signal leaves behind. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Simulator } from "../../src/simulator/simulator.ts";
import { ask, read } from "../support/ask.ts";
import { freePort } from "../support/free-port.ts";
import { until } from "../support/gateway.ts";
import { chatConfig, chatUrl, openaiTarget } from "../support/gateway-config.ts";
import { type Command, runCommandLine, type Workplace } from "../support/sluice-process.ts";
import { startTraceCollector, type TraceCollector } from "../support/trace-collector.ts";
import { withTracing } from "../support/traced.ts";
import { useProcesses } from "../support/use-processes.ts";

let command: Command;
let simulator: Simulator;
let workplace: Workplace;
useProcesses((parts) => {
  ({ command, simulator, workplace } = parts);
});

let collector: TraceCollector;
beforeAll(async () => {
  collector = await startTraceCollector();
});
afterAll(() => collector.close());

const config = () => chatConfig([openaiTarget(chatUrl(simulator.url))]);
const late = { queue: { max_coalescing_delay: 3600 } };

describe("a gateway process", () => {
  let preload: string;
  beforeEach(() => {
    preload = join(workplace.folder, "count.cjs");
    writeFileSync(
      preload,
      `if (require("node:worker_threads").isMainThread) process.once("exit", () => {
        const names = Object.keys(require("node:module")._cache);
        console.error("modules of the SDK: " + names.filter((name) => name.includes("@opentelemetry")).length + ".");
      });`,
    );
  });

  /** How many of the SDK's modules it has loaded when it stops after a request. */
  async function loaded(): Promise<number> {
    const { addresses, finished, signal } = await workplace.start([], {
      NODE_OPTIONS: `--require ${preload}`,
    });
    expect((await ask(addresses.proxy)).status).toBe(200);
    signal("SIGTERM");
    const [, count = ""] = /modules of the SDK: (\d+)\./.exec((await finished).stderr) ?? [];
    return Number.parseInt(count, 10);
  }

  it("without the plugin loads nothing of the SDK", async () => {
    workplace.write(config());
    expect(await loaded()).toBe(0);
    workplace.write(withTracing(config(), collector.url));
    expect(await loaded()).toBeGreaterThan(50);
  });

  it("sends the spans that wait when it is told to stop", async () => {
    const before = collector.spans.length;
    workplace.write(withTracing(config(), collector.url, late));
    const { addresses, finished, records, signal } = await workplace.start();
    await ask(addresses.proxy);
    await until(() => records().length === 1, "the record");
    expect(collector.spans).toHaveLength(before);
    signal("SIGTERM");
    expect((await finished).code).toBe(0);
    expect(collector.spans).toHaveLength(before + 3);
  });

  it("with workers sends the spans of each, under an instance of its own, and counts them together", async () => {
    const before = collector.spans.length;
    workplace.write(withTracing(config(), collector.url));
    const { addresses, finished, signal } = await workplace.start(["--workers", "2"]);
    await Promise.all(Array.from({ length: 12 }, () => ask(addresses.proxy)));
    await until(() => collector.spans.length === before + 36, "all spans");
    const instances = collector.spans.slice(before).map(({ resource }) => resource["service.instance.id"]);
    expect(new Set(instances).size).toBe(2);
    const { text } = await read(`${addresses.status}/metrics`);
    expect(text).toMatch(/sluice_trace_collector_up\{.*\} 1/);
    expect(text).toMatch(/sluice_trace_collector_dropped_total\{.*\} 0/);
    signal("SIGTERM");
    await finished;
  });
});

describe("sluice check --connect", () => {
  it("asks the collector whether it is there", async () => {
    const check = () => runCommandLine(command, ["check", workplace.config, "--connect"]);
    workplace.write(withTracing(config(), collector.url));
    const before = collector.batches.length;
    expect(await check()).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/ok\s+trace collector http:\/\/127\.0\.0\.1:\d+\/v1\/traces/),
    });
    expect(collector.batches.slice(before).map(({ spans }) => spans)).toEqual([[]]);
    workplace.write(withTracing(config(), `http://127.0.0.1:${await freePort()}/v1/traces`));
    const failed = await check();
    expect(failed.code).not.toBe(0);
    expect(failed.stdout + failed.stderr).toContain("ECONNREFUSED");
  });
});
