/** `sluice start`: runs the gateway until it is told to stop. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { adminPages, type ReloadResult } from "../admin/admin.ts";
import { type Pages, servePages } from "../admin/pages.ts";
import { statusPages } from "../admin/status.ts";
import { formatProblem } from "../config/problem.ts";
import { type Gateway, startGateway } from "../gateway.ts";
import type { Listener } from "../http/listener.ts";
import type { Logger } from "../telemetry/logger.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { createJsonSink, createPrettySink, type Sink } from "../telemetry/sinks.ts";
import { version } from "../util/version.ts";
import type { Command } from "./command.ts";
import { type ConfigFile, ConfigFileError, configPath, readConfigFile } from "./config-file.ts";
import { countComponents, countEmbeddings } from "./readings.ts";
import { createRuntime, terminalLog } from "./runtime.ts";
import { type Address, type ProcessSettings, readSettings } from "./settings.ts";
import { waitForStop } from "./signals.ts";
import type { Terminal } from "./terminal.ts";

const usage = "start -c FILE";

export const start: Command = {
  name: "start",
  usage,
  summary: "Run the gateway.",
  takesSettings: true,
  flags: [
    { name: "config", short: "c", type: "string", value: "FILE", help: "declarative config, YAML or JSON" },
  ],
  async run({ flags, positionals }, terminal) {
    const path = configPath(flags["config"], positionals[0], usage);
    const settings = readSettings(flags, terminal.env, terminal.isTerminal);
    const process = await startProcess(path, settings, terminal);
    // Whoever has read that we are ready may send a signal at once.
    const stopped = waitForStop({ onReload: () => process.reload(), log: process.log });
    process.announce();
    await stopped;
    await process.close(settings.stopTimeoutMs);
    return 0;
  },
};

/** A gateway with its status and admin listeners. */
export interface GatewayProcess {
  readonly gateway: Gateway;
  readonly log: Logger;
  readonly statusPort: number | undefined;
  readonly adminPort: number | undefined;
  /** Tells `sluice reload` and the output that it is ready; to be called once signals are heard. */
  announce(): void;
  /** Reads the file again. A bad one changes nothing; the result says why. */
  reload(): Promise<ReloadResult>;
  close(deadlineMs: number): Promise<void>;
}

/** Starts everything, and leaves it to the caller to announce it. Throws `ConfigFileError` and `SettingError`. */
export async function startProcess(
  path: string,
  settings: ProcessSettings,
  terminal: Terminal,
): Promise<GatewayProcess> {
  const file = readConfigFile(path, terminal.env);
  const log = terminalLog(terminal, settings.logLevel, settings.pretty);
  reportProblems(file, log);
  const runtime = createRuntime(log, terminal.env);
  const metrics = createMetrics();
  countEmbeddings(metrics, runtime);

  let gateway: Gateway | undefined;
  countComponents(metrics, () => gateway?.health() ?? []);
  let isStopping = false;
  const describe = () => ({
    version: version(),
    ready: gateway !== undefined && !isStopping,
    running: gateway?.running ?? 0,
    routes: gateway?.snapshot.plans.size ?? 0,
    plugins: gateway?.snapshot.plugins.map((entry) => ({ name: entry.name, id: entry.config.id })) ?? [],
    components: gateway?.health() ?? [],
    memory: process.memoryUsage.rss(),
  });
  const listeners: Listener[] = [];
  const serve = async (where: Address | undefined, pages: Pages): Promise<Listener | undefined> => {
    if (where === undefined) return undefined;
    const listener = await servePages(where, pages, runtime);
    listeners.push(listener);
    return listener;
  };
  const reload = async (): Promise<ReloadResult> =>
    gateway === undefined
      ? { ok: false, messages: ["the gateway has not started yet"] }
      : reloadFrom(path, gateway, terminal, log);

  let status: Listener | undefined;
  let admin: Listener | undefined;
  try {
    const isReady = () => gateway !== undefined && !isStopping;
    const degraded = () => gateway?.health().filter(({ state }) => state === "down") ?? [];
    status = await serve(settings.statusListen, statusPages({ metrics, isReady, degraded, describe }));
    admin = await serve(settings.adminListen, adminPages({ version: version(), describe, reload }));
    gateway = await startGateway(file.config, {
      listen: settings.proxyListen,
      services: runtime,
      sinks: [stdoutSink(settings, terminal, log)],
      metrics,
    });
  } catch (error) {
    // What listens would keep a process alive that cannot serve.
    await Promise.all(listeners.map((listener) => listener.close(0)));
    await runtime.close();
    throw error;
  }
  const running = gateway;
  let runFile: string | undefined;
  if (settings.dashboardListen !== undefined)
    log.warn("this version has no dashboard; nothing listens on --dashboard-listen");
  return {
    gateway: running,
    log,
    statusPort: status?.port,
    adminPort: admin?.port,
    announce() {
      runFile = writeRunFile(settings.prefix, admin, log);
      announce(running, status, admin, settings, terminal);
    },
    reload,
    async close(deadlineMs) {
      isStopping = true;
      log.info("stopping", { running: running.running, deadlineMs });
      await running.close(deadlineMs);
      await Promise.all([status?.close(0), admin?.close(0), runtime.close()]);
      if (runFile !== undefined) rmSync(runFile, { force: true });
      log.info("stopped");
    },
  };
}

async function reloadFrom(
  path: string,
  gateway: Gateway,
  terminal: Terminal,
  log: Logger,
): Promise<ReloadResult> {
  try {
    const file = readConfigFile(path, terminal.env);
    await gateway.reload(file.config);
    reportProblems(file, log);
    const message = `${path}: reloaded, ${file.config.routes.length} routes`;
    log.info(message);
    return { ok: true, messages: [...file.problems.map(formatProblem), message] };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.error("reload refused, the old configuration goes on running", { reason });
    const messages = error instanceof ConfigFileError ? reason.split("\n") : [`${path}: ${reason}`];
    return { ok: false, messages: [...messages, "the old configuration goes on running"] };
  }
}

function reportProblems(file: ConfigFile, log: Logger): void {
  for (const problem of file.problems) {
    if (problem.severity === "warning") log.warn(formatProblem(problem));
    else log.info(formatProblem(problem));
  }
}

function stdoutSink(settings: ProcessSettings, terminal: Terminal, log: Logger): Sink {
  const onDropped = (count: number) =>
    log.warn("access records were dropped: the output is not read fast enough", { count });
  return settings.pretty
    ? createPrettySink(terminal.lines, onDropped)
    : createJsonSink(terminal.lines, onDropped);
}

/** Where `sluice reload` finds this process. */
export interface RunFile {
  readonly pid: number;
  /** Base URL of the admin listener; absent without one. */
  readonly admin?: string;
}

export function runFilePath(prefix: string): string {
  return join(prefix, "sluice.json");
}

function writeRunFile(prefix: string, admin: Listener | undefined, log: Logger): string | undefined {
  const path = runFilePath(prefix);
  const content: RunFile = { pid: process.pid, ...(admin !== undefined && { admin: urlOf(admin) }) };
  try {
    mkdirSync(prefix, { recursive: true });
    writeFileSync(path, `${JSON.stringify(content)}\n`);
    return path;
  } catch (error) {
    log.warn(
      "the run file could not be written; `sluice reload` will not find this process (SIGHUP still works)",
      { path, reason: String(error) },
    );
    return undefined;
  }
}

function announce(
  gateway: Gateway,
  status: Listener | undefined,
  admin: Listener | undefined,
  settings: ProcessSettings,
  terminal: Terminal,
): void {
  const addresses = {
    proxy: urlOf(gateway),
    ...(admin !== undefined && { admin: urlOf(admin) }),
    ...(status !== undefined && { status: urlOf(status) }),
  };
  if (settings.pretty) {
    terminal.out(
      `ready  ${Object.entries(addresses)
        .map(([name, url]) => `${name} ${url}`)
        .join("  ")}\n`,
    );
  } else {
    terminal.out(`${JSON.stringify({ message: "ready", ...addresses })}\n`);
  }
}

function urlOf({ address, port }: { readonly address: string; readonly port: number }): string {
  const host = address.includes(":") ? `[${address}]` : address;
  return `http://${host}:${port}`;
}
