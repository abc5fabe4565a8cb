/** What log plugins write when real processes stop, and when several of them write at once. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Simulator } from "../../src/simulator/simulator.ts";
import { ask, read } from "../support/ask.ts";
import { until } from "../support/gateway.ts";
import { type ConfigObject, chatConfig, chatUrl, openaiTarget } from "../support/gateway-config.ts";
import { type LogEndpoint, startLogEndpoint } from "../support/log-endpoint.ts";
import type { Workplace } from "../support/sluice-process.ts";
import { useProcesses } from "../support/use-processes.ts";

let endpoint: LogEndpoint;
let simulator: Simulator;
let workplace: Workplace;
useProcesses((parts) => {
  ({ simulator, workplace } = parts);
});
beforeEach(async () => {
  endpoint = await startLogEndpoint();
});
afterEach(() => endpoint.close());

function write(plugin: ConfigObject): void {
  const target = openaiTarget(chatUrl(simulator.url), { extra: { logging: { log_payloads: true } } });
  const config = chatConfig([target]);
  const chat = config["plugins"] as readonly ConfigObject[]; // as chatConfig has it
  workplace.write({ ...config, plugins: [...chat, plugin] });
}

const httpLog = () => ({
  name: "http-log",
  config: {
    http_endpoint: endpoint.url,
    queue: { max_batch_size: 1_000, max_coalescing_delay: 3_600, initial_retry_delay: 0.05 },
  },
});

async function askMany(proxy: string, count: number, body: object): Promise<void> {
  let left = count;
  const one = async () => {
    while (left-- > 0) expect((await ask(proxy, body)).status).toBe(200);
  };
  await Promise.all(Array.from({ length: 10 }, one));
}

const short = { messages: [{ role: "user", content: "Hello" }] };

describe("a gateway that is told to stop", () => {
  it.each([1, 2])("delivers first what is queued, with %d workers", async (workers) => {
    write(httpLog());
    const { addresses, finished, signal } = await workplace.start(["--workers", String(workers)]);
    await askMany(addresses.proxy, 40, short);
    expect(endpoint.entries).toHaveLength(0);
    signal("SIGTERM");
    expect((await finished).code).toBe(0);
    expect(new Set(endpoint.entries.map(({ request }) => request.id)).size).toBe(40);
    expect(endpoint.entries).toHaveLength(40);
  });

  it("tries again until the endpoint takes it, though nothing else is left to do", async () => {
    endpoint.is(503);
    write(httpLog());
    const { addresses, finished, signal } = await workplace.start([
      ...["--status-listen", "off", "--admin-listen", "off"],
    ]);
    await askMany(addresses.proxy, 10, short);
    signal("SIGTERM");
    await until(() => endpoint.messages >= 3, "it is tried again");
    endpoint.is("takes");
    expect((await finished).code).toBe(0);
    expect(endpoint.entries).toHaveLength(10);
  });

  it("does not wait for ever for an endpoint that hangs, and says what is lost", async () => {
    endpoint.is("hangs");
    write(httpLog());
    const { addresses, finished, signal } = await workplace.start();
    await askMany(addresses.proxy, 3, short);
    signal("SIGTERM");
    const { code, stderr } = await finished;
    expect(code).toBe(0);
    expect(stderr).toMatch(/"log entries were dropped".*"count":3/);
  });
});

describe("several workers", () => {
  it("write whole lines into one file, however long", async () => {
    const path = join(workplace.folder, "access.log");
    write({ name: "file-log", config: { path } });
    const { addresses, finished, signal } = await workplace.start(["--workers", "3"]);
    // Far longer than PIPE_BUF, and of every length.
    for (const length of [10, 5_000, 70_000])
      await askMany(addresses.proxy, 60, { messages: [{ role: "user", content: "x".repeat(length) }] });
    const { text } = await read(`${addresses.status}/metrics`);
    expect(text).toMatch(/^sluice_log_file_up\{.*file="[^"]+access\.log"\} 1$/m);
    expect(text).toMatch(/^sluice_log_entries_dropped_total\{.*\} 0$/m);
    signal("SIGTERM");
    expect((await finished).code).toBe(0);
    const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
    const entries = lines.map((line) => JSON.parse(line));
    expect(new Set(entries.map(({ request }) => request.id)).size).toBe(180);
    expect(entries).toHaveLength(180);
  });
});
