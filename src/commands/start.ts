/** `sluice start`: runs the gateway until it is told to stop. */
import { availableParallelism } from "node:os";
import { type Explain, explainBy } from "../admin/explain.ts";
import { GatewayError } from "../errors.ts";
import { type Gateway, startGateway } from "../gateway.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { version } from "../util/version.ts";
import type { Command } from "./command.ts";
import { configPath, readConfigFile } from "./config-file.ts";
import { type Front, openFront } from "./front.ts";
import { type GatewayProcess, outputSink, reloadFrom, reportProblems } from "./gateway-process.ts";
import { addReadings } from "./readings.ts";
import { createRuntime, terminalLog } from "./runtime.ts";
import { type ProcessSettings, readSettings } from "./settings.ts";
import { waitForStop } from "./signals.ts";
import type { Terminal } from "./terminal.ts";
import { startWorkers } from "./workers/primary.ts";
import { isWorker, runWorker } from "./workers/worker.ts";

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
    if (isWorker(terminal.env)) return runWorker(terminal);
    const path = configPath(flags["config"], positionals[0], usage);
    const settings = readSettings(flags, terminal.env, terminal.isTerminal);
    const workers = settings.workers === "auto" ? availableParallelism() : settings.workers;
    const process =
      workers === 1
        ? await startProcess(path, settings, terminal)
        : await startWorkers({ path, settings, workers, terminal });
    // Whoever has read that we are ready may send a signal at once.
    const stopped = waitForStop({
      onReload: () => process.reload(),
      onAbandon: () => process.abandon(),
      log: process.log,
    });
    process.announce();
    const failure = await Promise.race([stopped, process.failed]);
    await process.close(settings.stopTimeoutMs);
    if (failure !== undefined) throw failure;
    return 0;
  },
};

/** Starts everything in this process, and leaves it to the caller to announce it. Throws `ConfigFileError` and `SettingError`. */
async function startProcess(
  path: string,
  settings: ProcessSettings,
  terminal: Terminal,
): Promise<GatewayProcess> {
  const file = readConfigFile(path, terminal.env);
  const log = terminalLog(terminal, settings.logLevel, settings.pretty);
  reportProblems(file, log);
  const runtime = createRuntime(log, terminal.env);
  const metrics = createMetrics();
  let gateway: Gateway | undefined;
  addReadings(metrics, runtime, () => gateway);
  let isStopping = false;
  const describe = () => ({
    version: version(),
    ready: gateway !== undefined && !isStopping,
    running: gateway?.running ?? 0,
    routes: gateway?.snapshot.plans.size ?? 0,
    plugins: gateway?.snapshot.plugins.map((entry) => ({ name: entry.name, id: entry.config.id })) ?? [],
    components: gateway?.health() ?? [],
    targets: gateway?.targets() ?? [],
    memory: process.memoryUsage.rss(),
  });
  const isReady = () => gateway !== undefined && !isStopping;
  const degraded = () => gateway?.health().filter(({ state }) => state === "down") ?? [];
  const reload: GatewayProcess["reload"] = async () => {
    const running = gateway;
    if (running === undefined) return { ok: false, messages: ["the gateway has not started yet"] };
    return reloadFrom(path, terminal.env, log, ({ config }) => running.reload(config));
  };
  const explain: Explain = async (question, signal) => {
    if (gateway === undefined)
      throw new GatewayError("cannot_explain", { reason: "no configuration is being served yet" });
    return explainBy(gateway.snapshot.plugins, question, signal);
  };

  let front: Front | undefined;
  try {
    front = await openFront({
      settings,
      services: runtime,
      status: { metrics, isReady, degraded, describe },
      admin: { version: version(), describe, reload, explain },
      terminal,
      log,
    });
    gateway = await startGateway(file.config, {
      listen: settings.proxyListen,
      services: runtime,
      sinks: [outputSink(settings.pretty, terminal, log)],
      metrics,
    });
  } catch (error) {
    await front?.close();
    await runtime.close();
    throw error;
  }
  const running = gateway;
  const opened = front;
  return {
    log,
    failed: new Promise(() => undefined),
    announce: () => opened.announce(running),
    reload,
    async close(deadlineMs) {
      isStopping = true;
      log.info("stopping", { running: running.running, deadlineMs });
      await running.close(deadlineMs);
      await Promise.all([opened.close(), runtime.close()]);
      log.info("stopped");
    },
    abandon: () => undefined,
  };
}
