/** A gateway in this process before a simulated vendor, both on free ports, and everything they said. */
import { Agent, request } from "undici";
import { ledgerComponents } from "../../src/commands/process-ledger.ts";
import { addReadings } from "../../src/commands/readings.ts";
import { createRuntime } from "../../src/commands/runtime.ts";
import { countUpstreams } from "../../src/commands/upstream-states.ts";
import type { Config } from "../../src/config/config.ts";
import { formatProblem, loadConfig } from "../../src/config/load.ts";
import { loadLocalModel } from "../../src/embedders/local/model.ts";
import { type Gateway, startGateway } from "../../src/gateway.ts";
import { createTrust } from "../../src/http/trusted-ips.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { plugins } from "../../src/plugins/index.ts";
import type { SimulatorOptions } from "../../src/simulator/options.ts";
import { type Simulator, startSimulator } from "../../src/simulator/simulator.ts";
import type { AccessRecord } from "../../src/telemetry/access-record.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import type { ConfigObject } from "./gateway-config.ts";
import { createRecordingLogger, type LogLine } from "./recording-logger.ts";

/** A config as text or as an object, or made from the simulator's address. */
export type ConfigSource = string | ConfigObject | ((simulatorUrl: string) => string | ConfigObject);

export interface StackOptions {
  readonly config: ConfigSource;
  readonly env?: Readonly<Record<string, string>>;
  readonly simulator?: Partial<SimulatorOptions>;
  /** The caller closes it. */
  readonly ledger?: Ledger;
  /** Addresses of proxies in front. */
  readonly trustedIps?: readonly string[];
  /** Listens for clients that speak TLS too. Default: false. */
  readonly isSecure?: boolean;
  /** How much faster than the machine's the timers of plugins and their stores go. Default: 1. */
  readonly pace?: number;
  /** The time of day, in milliseconds since 1970, for plugins. Default: the machine's. */
  readonly wallClock?: () => number;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The parsed text; throws when it is not JSON. */
  json(): Record<string, unknown>;
  /** What the gateway wrote down about this exchange. */
  record(): Promise<AccessRecord>;
}

export interface Stack {
  readonly simulator: Simulator;
  readonly gateway: Gateway;
  /** `http://127.0.0.1:port` of the gateway. */
  readonly url: string;
  readonly records: readonly AccessRecord[];
  readonly log: readonly LogLine[];
  /** What Prometheus would read. */
  metrics(): string;
  /** The record with this id, as soon as it is written. */
  recordOf(id: string): Promise<AccessRecord>;
  /** Sends a request; by default a POST of JSON to `/chat`. */
  send(call?: Call): Promise<Answer>;
  /** Asks one question. */
  ask(prompt: string, more?: Readonly<Record<string, unknown>>): Promise<Answer>;
  reload(config: ConfigSource): Promise<void>;
  close(): Promise<void>;
}

export interface Call {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** The model in the install takes 0.1 s to load: once for a test file is enough. */
let localModel: ReturnType<typeof loadLocalModel> | undefined;

/** Vectors by the model in the install, for a simulator that is to embed. */
export function embedLocally(text: string): Float32Array {
  localModel ??= loadLocalModel();
  return localModel.embed(text);
}

/** Starts both. `close` ends them and every connection. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const simulator = await startSimulator({ now: Date.now, embed: embedLocally, ...options.simulator });
  const log = createRecordingLogger();
  const runtime = createRuntime(log, options.env ?? {});
  const { pace = 1 } = options;
  const metrics = createMetrics();
  const records: AccessRecord[] = [];
  const waiting = new Map<string, (record: AccessRecord) => void>();
  const write = (record: AccessRecord) => {
    records.push(record);
    waiting.get(record.request.id)?.(record);
    waiting.delete(record.request.id);
  };
  const read = (source: ConfigSource) => readConfig(source, simulator.url, options.env ?? {});
  let running: Gateway | undefined;
  addReadings(metrics, {
    runtime,
    gateway: () => running,
    health: () => [...(running?.health() ?? []), ...ledgerComponents(options.ledger)],
    ledger: options.ledger,
  });
  countUpstreams(metrics, () => [
    { states: running?.upstreamStates() ?? [], isShown: running?.snapshot.showsUpstreams === true },
  ]);
  const gateway = await startOrClose();
  running = gateway;
  async function startOrClose(): Promise<Gateway> {
    try {
      return await startGateway(read(options.config), {
        listen: { host: "127.0.0.1", port: 0 },
        secure: options.isSecure === true ? { host: "127.0.0.1", port: 0 } : undefined,
        trusts: createTrust(options.trustedIps ?? []),
        services: {
          ...runtime,
          wallClock: options.wallClock ?? runtime.wallClock,
          schedule: (delayMs, action) => runtime.schedule(delayMs / pace, action),
        },
        sinks: [{ write, close: async () => undefined }],
        metrics,
        ledger: options.ledger,
      });
    } catch (error) {
      await Promise.all([runtime.close(), simulator.close()]);
      throw error;
    }
  }
  const url = `http://127.0.0.1:${gateway.port}`;
  const agent = new Agent();
  const recordOf = (id: string) =>
    new Promise<AccessRecord>((resolve) => {
      const known = records.find((record) => record.request.id === id);
      if (known === undefined) waiting.set(id, resolve);
      else resolve(known);
    });
  const send = async (call: Call = {}) => sendCall(url, call, agent, recordOf);
  return {
    simulator,
    gateway,
    url,
    records,
    log: log.lines,
    metrics: () => metrics.render().text,
    recordOf,
    send,
    ask: (prompt, more) => send({ body: { messages: [{ role: "user", content: prompt }], ...more } }),
    reload: (source) => gateway.reload(read(source)),
    async close() {
      await agent.destroy();
      await gateway.close(0);
      await runtime.close();
      await simulator.close();
    },
  };
}

/** A config the way the command reads it; throws with all problems. */
export function readConfig(
  source: ConfigSource,
  simulatorUrl: string,
  env: Readonly<Record<string, string>>,
): Config {
  const made = typeof source === "function" ? source(simulatorUrl) : source;
  const text = typeof made === "string" ? made : JSON.stringify(made);
  const { config, problems } = loadConfig(text, { file: "test.yaml", env, plugins });
  if (config === undefined) throw new Error(problems.map(formatProblem).join("\n"));
  return config;
}

async function sendCall(
  base: string,
  call: Call,
  dispatcher: Agent,
  recordOf: Stack["recordOf"],
): Promise<Answer> {
  const { path = "/chat", method = "POST", headers = {}, body, signal } = call;
  const isJson = typeof body === "object" && body !== null && !Buffer.isBuffer(body);
  const payload = isJson ? JSON.stringify(body) : ((body as string | Buffer | undefined) ?? null); // else text or bytes
  const {
    statusCode,
    headers: answered,
    body: stream,
  } = await request(`${base}${path}`, {
    method: method as "POST", // undici's type lists the methods; any token is valid on the wire
    headers: { ...(payload !== null && { "content-type": "application/json" }), ...headers },
    body: payload,
    dispatcher,
    ...(signal !== undefined && { signal }),
  });
  const text = await stream.text();
  return {
    status: statusCode,
    headers: answered,
    text,
    json: () => JSON.parse(text) as Record<string, unknown>, // the test says what it expects in it
    record: () => recordOf(String(answered["x-kong-request-id"])),
  };
}

/** Resolves when `holds` is true, asked anew every millisecond; rejects with `what` after 10 s. */
export async function until(holds: () => boolean, what: string, timeoutMs = 10_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** The data of each server-sent event in a text. */
export function eventsOf(text: string): readonly string[] {
  return text
    .split("\n\n")
    .filter((event) => event !== "")
    .map((event) => event.replace(/^data: ?/, ""));
}
