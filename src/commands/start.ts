/** `sluice start`: runs the gateway until it is told to stop. */
import { randomUUID } from "node:crypto";
import { availableParallelism } from "node:os";
import { type Explain, explainBy } from "../admin/explain.ts";
import { serverStatus } from "../admin/server-status.ts";
import { GatewayError } from "../errors.ts";
import { version } from "../util/version.ts";
import { adminSource, coversFor } from "./admin-source.ts";
import type { Command, Invocation } from "./command.ts";
import { optionalConfigPath } from "./config-file.ts";
import { createConfigWarnings } from "./config-warnings.ts";
import { readFallback, withFallback } from "./fallback-certificate.ts";
import { type Front, openFront } from "./front.ts";
import { type GatewayProcess, outputSink, reportProblems, type StartOptions } from "./gateway-process.ts";
import { idleSettings } from "./idle-settings.ts";
import { withListenAdvice } from "./listen-advice.ts";
import { degradedOrigin, openOrigin } from "./origin.ts";
import { createRuntime, terminalLog } from "./runtime.ts";
import { createServing } from "./serving.ts";
import { readSettings, settingTable } from "./settings.ts";
import { waitForStop } from "./signals.ts";
import { UsageError } from "./terminal.ts";
import { countUpstreams, loggedMark, runningUpstreams } from "./upstream-states.ts";
import { startWorkers } from "./workers/primary.ts";
import { isWorker, runWorker } from "./workers/worker.ts";

const usage = "start [-c FILE]";

export const start: Command = {
  name: "start",
  usage,
  summary: "Run the gateway, with a file or, without one, with what the admin API is told.",
  settings: settingTable.map(({ flag }) => flag),
  maxWords: 1,
  flags: [
    { name: "config", short: "c", type: "string", value: "FILE", help: "declarative config, YAML or JSON" },
    { name: "watch", type: "boolean", help: "read the file again whenever it changes" },
    { name: "db-less", type: "boolean", help: "keep nothing: the file, or what is posted to /config" },
  ],
  async run({ flags, positionals }, terminal) {
    if (isWorker(terminal.env)) return runWorker(terminal);
    const settings = readSettings(flags, terminal.env, terminal.isTerminal);
    const workers = settings.workers === "auto" ? availableParallelism() : settings.workers;
    const options: StartOptions = { ...readConfigFlags({ flags, positionals }), settings, terminal };
    warnOfIdleSettings(flags, options);
    const process = await (workers === 1
      ? startProcess(options)
      : startWorkers({ ...options, workers })
    ).catch((error: unknown) => {
      throw withListenAdvice(error, settings);
    });
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

/** Before anything is opened: a setting that is misspelt may be why that fails. */
function warnOfIdleSettings(flags: Invocation["flags"], options: StartOptions): void {
  const { isDbLess, path, settings, terminal } = options;
  const log = terminalLog(terminal, settings.logLevel, settings.pretty);
  const hasDatabase = path === undefined && !isDbLess;
  for (const sentence of idleSettings({ flags, env: terminal.env, settings, hasDatabase }))
    log.warn(sentence);
}

function readConfigFlags({
  flags,
  positionals,
}: Invocation): Pick<StartOptions, "path" | "isWatched" | "isDbLess"> {
  const path = optionalConfigPath(flags["config"], positionals[0]);
  const isWatched = flags["watch"] === true;
  if (isWatched && path === undefined) throw new UsageError("--watch is for a file: give it with -c FILE");
  return { path, isWatched, isDbLess: flags["db-less"] === true };
}

/**
 * Starts everything in this process, and leaves it to the caller to announce it. Rejects with `ConfigFileError`,
 * `SettingError`, and `StoreError`.
 */
async function startProcess({ settings, terminal, ...where }: StartOptions): Promise<GatewayProcess> {
  const log = terminalLog(terminal, settings.logLevel, settings.pretty);
  const covers = coversFor(settings);
  const warnings = createConfigWarnings(settings, log);
  const fallback = readFallback(settings); // first: what throws leaves nothing open
  const nodeId = randomUUID();
  const origin = await openOrigin(
    { ...where, settings, covers, nodeId },
    {
      env: terminal.env,
      log,
      async take({ config }, beforeCommit) {
        const running = serving.gateway;
        if (running === undefined) throw new Error("the gateway has not started yet");
        const served = withFallback(config, readFallback(settings));
        await running.reload(served, beforeCommit);
        warnings.take(served);
      },
      markHere: loggedMark((mark) => serving.gateway?.markTarget(mark) ?? false, log),
    },
  );
  reportProblems(origin.first, log);
  const first = withFallback(origin.first.config, fallback);
  warnings.take(first);
  const runtime = createRuntime(log, terminal.env);
  const serving = createServing({
    listen: settings.proxyListen,
    listenSecure: settings.proxyListenSsl,
    runtime,
    sinks: [outputSink(settings.pretty, terminal, log)],
    settings,
  });
  countUpstreams(serving.metrics, () => [serving.upstreams()]);
  const upstreams = runningUpstreams(
    () => (serving.gateway === undefined ? [] : [serving.upstreams()]),
    origin,
  );
  let isStopping = false;
  const isReady = () => serving.gateway !== undefined && origin.hasServed && !isStopping;
  const describe = () => {
    const { traffic, ...facts } = serving.facts();
    const server = serverStatus(traffic, facts.running);
    return { version: version(), ready: isReady(), ...facts, server };
  };
  const degraded = () => [
    ...serving.health().filter(({ state }) => state === "down"),
    ...degradedOrigin(origin),
  ];
  const explain: Explain = async (question, signal) => {
    const { gateway } = serving;
    if (gateway === undefined)
      throw new GatewayError("cannot_explain", { reason: "no configuration is being served yet" });
    return explainBy(gateway.snapshot.plugins, question, signal);
  };

  let front: Front | undefined;
  try {
    front = await openFront({
      settings,
      services: runtime,
      status: { metrics: serving.metrics, isReady, degraded, describe },
      admin: adminSource(
        { control: origin.control, describe, reload: origin.reload, explain, nodeId, upstreams },
        settings,
        covers,
        terminal.env,
      ),
      terminal,
      log,
    });
    await serving.start(first);
    origin.watch();
  } catch (error) {
    warnings.close();
    await Promise.all([front?.close(), serving.close(0), origin.close()]);
    throw error;
  }
  const opened = front;
  return {
    log,
    failed: new Promise(() => undefined),
    announce: () => {
      if (serving.gateway !== undefined) opened.announce(serving.gateway);
    },
    reload: () => origin.reload(),
    async close(deadlineMs) {
      isStopping = true;
      log.info("stopping", { running: serving.gateway?.running ?? 0, deadlineMs });
      warnings.close();
      await origin.close();
      await serving.close(deadlineMs);
      await opened.close();
      log.info("stopped");
    },
    abandon: () => undefined,
  };
}
