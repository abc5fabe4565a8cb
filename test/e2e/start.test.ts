/** How a gateway process starts, and how it refuses to. Real processes. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { request } from "undici";
import { describe, expect, it } from "vitest";
import type { Simulator } from "../../src/simulator/simulator.ts";
import { ask, read } from "../support/ask.ts";
import { runHere } from "../support/command-line.ts";
import { until } from "../support/gateway.ts";
import { chatConfig, chatUrl, openaiTarget, targetKey } from "../support/gateway-config.ts";
import {
  announced,
  type Command,
  Running,
  type RunningGateway,
  runCommandLine,
  spawnCommand,
  type Workplace,
} from "../support/sluice-process.ts";
import { type ProcessParts, useProcesses, useSharedProcesses } from "../support/use-processes.ts";

let command: Command;
let simulator: Simulator;
let workplace: Workplace;
const take = (parts: ProcessParts) => {
  ({ command, simulator, workplace } = parts);
};

describe("a gateway that has started", () => {
  let gateway: RunningGateway;
  useSharedProcesses(take, async () => {
    gateway = await workplace.start();
  });

  it("has said so in one line, answers, and writes records to its output without prompt or key", async () => {
    const { addresses, records, stdout, stderr } = gateway;
    const before = records().length;
    expect(Object.keys(addresses)).toEqual(["message", "proxy", "admin", "status"]);
    expect((await ask(addresses.proxy)).status).toBe(200);
    await until(() => records().length === before + 1, "the record");
    expect(records().at(-1)).toMatchObject({
      request: { method: "POST", uri: "/chat" },
      response: { status: 200 },
      ai: { proxy: { meta: { request_model: "gpt-4o" } } },
    });
    for (const secret of [targetKey, "Xanadu"]) expect(stdout() + stderr()).not.toContain(secret);
  });

  it("is ready, tells its state and its counts on the status listener", async () => {
    const { addresses, records } = gateway;
    const before = records().length;
    await ask(addresses.proxy);
    await until(() => records().length === before + 1, "the record");
    expect(await read(`${addresses.status}/status/ready`)).toEqual({
      status: 200,
      text: '{"message":"ready"}',
    });
    expect(JSON.parse((await read(`${addresses.status}/status`)).text)).toMatchObject({
      ready: true,
      routes: 1,
      plugins: [{ name: "ai-proxy-advanced" }],
      targets: [{ name: "openai/gpt-4o", breaker: "off", inFlight: 0, attempts: before + 1, failed: 0 }],
    });
    const { text } = await read(`${addresses.status}/metrics`);
    for (const name of [
      "kong_http_requests_total",
      "kong_request_latency_ms_bucket",
      "kong_kong_latency_ms_bucket",
      "kong_upstream_latency_ms_bucket",
      "kong_bandwidth_bytes",
      "kong_ai_llm_requests_total",
      "kong_ai_llm_tokens_total",
      "kong_ai_llm_provider_latency_ms_bucket",
      "sluice_embedding_cache_hits_total",
      "sluice_embedding_failures_total",
      "sluice_target_breaker",
      "sluice_target_in_flight",
      "sluice_target_attempts_total",
      "sluice_target_failures_total",
    ])
      expect(text).toMatch(new RegExp(`^${name}[ {]`, "m"));
    const counted = /^kong_http_requests_total\{service="llm",route="chat",code="200",.*\} (\d+)$/m.exec(
      text,
    );
    expect(Number(counted?.[1])).toBe(before + 1);
    expect((await read(`${addresses.status}/nothing`)).status).toBe(404);
    expect((await request(`${addresses.status}/metrics`, { method: "POST" })).statusCode).toBe(405);
  });
});

describe("a gateway that starts", () => {
  useProcesses(take);

  it("takes its settings from the environment, flags first", async () => {
    const env = {
      SLUICE_PROXY_LISTEN: "127.0.0.1:0",
      SLUICE_ADMIN_LISTEN: "off",
      SLUICE_STATUS_LISTEN: "127.0.0.1:1",
      SLUICE_PREFIX: join(workplace.folder, "by-env"),
      SLUICE_LOG_LEVEL: "debug",
    };
    const args = ["start", workplace.config, "--status-listen", "off"];
    const running = new Running(spawnCommand(command, args, { env }));
    const { addresses, child, signal, finished } = await announced(running);
    expect(Object.keys(addresses)).toEqual(["message", "proxy"]);
    expect(JSON.parse(readFileSync(join(workplace.folder, "by-env", "sluice.json"), "utf8"))).toEqual({
      pid: child.pid,
    });
    expect((await ask(addresses.proxy)).status).toBe(200);
    signal("SIGTERM");
    expect((await finished).code).toBe(0);
  });

  it("with a variable that is not set ends with 1 and names it", async () => {
    const text = JSON.stringify(chatConfig([openaiTarget(chatUrl(simulator.url))]));
    workplace.write(text.replace(targetKey, '${{ env "DECK_MISSING_KEY" }}'));
    const { code, stdout, stderr } = await runHere(["start", "-c", workplace.config]);
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toContain("DECK_MISSING_KEY");
  });

  it("warns of a variable that is misspelt, and of a database beside a file", async () => {
    const { stderr } = await workplace.start(["--database", "sqlite:x.db"], {
      SLUICE_STATUS_LISTN: "off",
    });
    expect(stderr()).toContain("SLUICE_STATUS_LISTN is no setting: did you mean SLUICE_STATUS_LISTEN?");
    expect(stderr()).toContain("--database has no effect beside -c and --db-less");
  });

  it("with a bad file ends with 1, having told every error with its place", async () => {
    workplace.write(
      [
        '_format_version: "3.0"',
        "services:",
        "- name: llm",
        "  url: http://localhost",
        "  prot: 80",
        "plugins:",
        "- name: ai-proxy-advanced",
        "  config:",
        "    balancer: {algorithm: semantik}",
        "    targets: []",
      ].join("\n"),
    );
    const { code, stdout, stderr } = await runCommandLine(command, ["start", "-c", workplace.config]);
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/gateway\.yaml:5:\d+: .*prot.*port/);
    expect(stderr).toMatch(/gateway\.yaml:9:\d+: .*semantic/);
    expect(stderr).toMatch(/gateway\.yaml:10:\d+: /);
    expect(stderr).toMatch(/3 errors; nothing was changed/);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it.each([["proxy"], ["status"], ["admin"], ["admin", "--workers", "2"]])(
    "on a %s port that is taken ends with 1 and says which, and before it what else may be amiss",
    async (name, ...more) => {
      const taken = String(simulator.port);
      const starting = workplace.start([`--${name}-listen`, `127.0.0.1:${taken}`, ...more], {
        SLUICE_STATUS_LISTN: "off",
      });
      await expect(starting).rejects.toThrow(
        new RegExp(
          `did you mean SLUICE_STATUS_LISTEN[^]*sluice start: cannot listen on 127\\.0\\.0\\.1:${taken}: .*EADDRINUSE.*--${name}-listen`,
        ),
      );
    },
  );
});
