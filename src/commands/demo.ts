/** `sluice demo`: the main job in front of your eyes, with nothing needed. */
import { fileURLToPath } from "node:url";
import { request } from "undici";
import { costOf } from "../accounting/cost.ts";
import { compilePrice } from "../accounting/price.ts";
import { loadLocalModel } from "../embedders/local/model.ts";
import { type Gateway, startGateway } from "../gateway.ts";
import { type Simulator, startSimulator } from "../simulator/simulator.ts";
import type { AccessRecord } from "../telemetry/access-record.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import type { Sink } from "../telemetry/sinks.ts";
import type { Command } from "./command.ts";
import { readConfigFile } from "./config-file.ts";
import { withListenAdvice } from "./listen-advice.ts";
import { createRuntime, terminalLog } from "./runtime.ts";
import { type ProcessSettings, readSettings } from "./settings.ts";
import { waitForStop } from "./signals.ts";
import { type Terminal, table, UsageError } from "./terminal.ts";

/** The config stands in the package, two levels above this file in source and build alike. */
const configFile = fileURLToPath(new URL("../../examples/semantic-local/gateway.yaml", import.meta.url));

const liveUrl = "https://api.openai.com/v1/chat/completions";

/** Prompts and the model each should reach: three on each of the config's topics. */
const prompts: readonly (readonly [string, string])[] = [
  ["How do I write a Python function?", "gpt-3.5-turbo"],
  ["Optimize this Python code snippet for speed", "gpt-3.5-turbo"],
  ["How to implement a custom iterator class in Python", "gpt-3.5-turbo"],
  ["How do I reset my corporate email password?", "gpt-4o"],
  ["My VPN keeps disconnecting; help me troubleshoot it?", "gpt-4o"],
  ["How do I configure two-factor authentication on Windows 10 for our company network?", "gpt-4o"],
  ["What's the weather like today?", "gpt-4o-mini"],
  ["Write a short poem about the beauty of autumn.", "gpt-4o-mini"],
  ["Can you suggest some tips for improving creativity?", "gpt-4o-mini"],
];

/** USD per 1M tokens of the dearest model of the config, the baseline "always the strongest". */
const strongest = {
  name: "gpt-4o",
  price: compilePrice({ rates: { input: 2.5, output: 10 }, context: [], tiers: [] }),
};

export const demo: Command = {
  name: "demo",
  usage: "demo [--once] [--live]",
  summary: "See it work: nine prompts, three models, what it cost and what it saved.",
  maxWords: 0,
  flags: [
    {
      name: "proxy-listen",
      type: "string",
      value: "HOST:PORT",
      help: "where it listens (SLUICE_PROXY_LISTEN; default 127.0.0.1:8000, with --once any free port)",
    },
    { name: "once", type: "boolean", help: "end after the table; exit code 0 only if all nine went right" },
    { name: "live", type: "boolean", help: "call the real API with OPENAI_API_KEY instead of the simulator" },
  ],
  async run({ flags }, terminal) {
    const isOnce = flags["once"] === true;
    const settings = readDemoSettings(flags, terminal, isOnce);
    const world = await openWorld(settings, flags["live"] === true, terminal);
    try {
      const rows = await askAll(world);
      terminal.out(report(rows, world.simulator === undefined));
      if (isOnce) return rows.every((row) => row.isRight) ? 0 : 1;
      const stopped = waitForStop({ log: terminalLog(terminal, "warn", true) });
      terminal.out(invitation(world.gateway));
      await stopped;
      return 0;
    } finally {
      await world.close();
    }
  },
};

/** On loopback, and with `--once` on any free port, unless told otherwise. */
function readDemoSettings(
  flags: Readonly<Record<string, string | boolean | undefined>>,
  terminal: Terminal,
  isOnce: boolean,
): ProcessSettings {
  const settings = readSettings(flags, terminal.env, terminal.isTerminal);
  const isTold = flags["proxy-listen"] !== undefined || (terminal.env["SLUICE_PROXY_LISTEN"] ?? "") !== "";
  return isTold ? settings : { ...settings, proxyListen: { host: "127.0.0.1", port: isOnce ? 0 : 8000 } };
}

interface World {
  readonly gateway: Gateway;
  readonly simulator: Simulator | undefined;
  readonly records: ReadonlyMap<string, AccessRecord>;
  close(): Promise<void>;
}

async function openWorld(settings: ProcessSettings, isLive: boolean, terminal: Terminal): Promise<World> {
  const key = terminal.env["OPENAI_API_KEY"];
  if (isLive && (key === undefined || key === ""))
    throw new UsageError("--live needs OPENAI_API_KEY in the environment");
  const simulator = isLive ? undefined : await openSimulator();
  const env = {
    DECK_OPENAI_API_KEY: isLive ? key : "no-key-needed",
    DECK_OPENAI_CHAT_URL: simulator === undefined ? liveUrl : `${simulator.url}/v1/chat/completions`,
  };
  const { config } = readConfigFile(configFile, env);
  const records = new Map<string, AccessRecord>();
  const sink: Sink = { write: (record) => remember(records, record), close: async () => undefined };
  const runtime = createRuntime(terminalLog(terminal, "warn", true), env);
  const closeRest = async () => {
    await runtime.close();
    await simulator?.close();
  };
  try {
    const gateway = await startGateway(config, {
      listen: settings.proxyListen,
      services: runtime,
      sinks: [sink],
      metrics: createMetrics(),
    });
    const close = async () => {
      await gateway.close(1_000);
      await closeRest();
    };
    return { gateway, simulator, records, close };
  } catch (error) {
    // An open simulator would keep the process from ending.
    await closeRest();
    throw withListenAdvice(error, { proxyListen: settings.proxyListen });
  }
}

/** The last few: the demo may run for long. */
function remember(records: Map<string, AccessRecord>, record: AccessRecord): void {
  records.set(record.request.id, record);
  const [oldest] = records.keys();
  if (records.size > 100 && oldest !== undefined) records.delete(oldest);
}

async function openSimulator(): Promise<Simulator> {
  const model = loadLocalModel();
  return startSimulator({
    now: () => Date.now(),
    embed: (text) => model.embed(text),
    behaviour: { latencyMs: 20 },
  });
}

interface Row {
  readonly prompt: string;
  readonly model: string;
  readonly isRight: boolean;
  readonly distance: number | undefined;
  readonly tokens: number;
  readonly costUsd: number;
  readonly strongestUsd: number;
}

async function askAll(world: World): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const [prompt, wanted] of prompts) rows.push(await ask(prompt, wanted, world));
  return rows;
}

async function ask(prompt: string, wanted: string, { gateway, records }: World): Promise<Row> {
  const answer = await request(`http://${gateway.address}:${gateway.port}/anything`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ messages: [{ role: "user", content: prompt }] }),
    headersTimeout: 120_000,
    bodyTimeout: 120_000,
  });
  const text = await answer.body.text();
  if (answer.statusCode !== 200) throw new Error(`the gateway answered ${answer.statusCode}: ${text}`);
  const record = await recordOf(String(answer.headers["x-kong-request-id"]), records);
  const proxy = record.ai?.proxy;
  const model = proxy?.meta.request_model ?? "?";
  const inputTokens = proxy?.usage?.prompt_tokens ?? 0;
  const outputTokens = proxy?.usage?.completion_tokens ?? 0;
  return {
    prompt,
    model,
    isRight: model === wanted,
    distance: proxy?.routing?.groups[0]?.distance,
    tokens: inputTokens + outputTokens,
    costUsd: proxy?.usage?.cost ?? 0,
    strongestUsd: costOf({ inputTokens, outputTokens }, strongest.price) ?? 0,
  };
}

/** The record is written right after the last byte has gone out: a few turns of the event loop at most. */
async function recordOf(id: string, records: ReadonlyMap<string, AccessRecord>): Promise<AccessRecord> {
  for (let turn = 0; turn < 1_000; turn++) {
    const record = records.get(id);
    if (record !== undefined) return record;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`request ${id} left no access record`);
}

function report(rows: readonly Row[], isLive: boolean): string {
  const lines = rows.map((row) => [
    row.isRight ? " " : "✗",
    row.prompt.length > 48 ? `${row.prompt.slice(0, 47)}…` : row.prompt,
    row.model,
    row.distance?.toFixed(3) ?? "",
    String(row.tokens),
    usd(row.costUsd),
    usd(row.strongestUsd),
  ]);
  const cost = rows.reduce((sum, row) => sum + row.costUsd, 0);
  const strongestCost = rows.reduce((sum, row) => sum + row.strongestUsd, 0);
  const right = rows.filter((row) => row.isRight).length;
  const share = strongestCost === 0 ? 0 : (1 - cost / strongestCost) * 100;
  return [
    "",
    table(
      [
        ["", "prompt", "sent to", "distance", "tokens", "cost", `on ${strongest.name}`],
        ...lines,
        ["", "", "", "", "", usd(cost), usd(strongestCost)],
      ],
      [3, 4, 5, 6],
    ),
    "",
    `${right} of ${rows.length} prompts went where they should. Saved ${usd(strongestCost - cost)} of ${usd(strongestCost)} (${share.toFixed(0)} %) against`,
    `sending everything to ${strongest.name}, at the same token counts; the embedding itself is free.`,
    isLive
      ? "Answers and token counts are the vendor's."
      : "Answers and token counts are simulated; routing and prices are real.",
    "",
  ].join("\n");
}

function usd(amount: number): string {
  return `$${amount.toFixed(6)}`;
}

function invitation(gateway: Gateway): string {
  const url = `http://${gateway.address === "127.0.0.1" ? "localhost" : gateway.address}:${gateway.port}/anything`;
  return [
    "The gateway keeps running. Try:",
    "",
    `  curl -i ${url} -H 'Content-Type: application/json' \\`,
    `    -d '{"messages":[{"role":"user","content":"How do I sort a list in Python?"}]}'`,
    "",
    "Ctrl-C ends it.",
    "",
  ].join("\n");
}
