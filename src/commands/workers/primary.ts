/** The process in front of the workers: it accepts connections, owns the other listeners, reads the file, hears signals. */
import { randomUUID } from "node:crypto";
import type { Answer } from "../../admin/explain.ts";
import type { Question } from "../../admin/question.ts";
import { GatewayError } from "../../errors.ts";
import { acceptConnections, type ConnectionSource } from "../../http/connection-source.ts";
import type { ListenerServices } from "../../http/listener.ts";
import { renderSnapshot } from "../../telemetry/metric-snapshot.ts";
import { contentType, createMetricRegistry } from "../../telemetry/prometheus.ts";
import { createIdSource } from "../../util/ids.ts";
import { systemSchedule } from "../../util/schedule.ts";
import { version } from "../../util/version.ts";
import { adminSource, coversFor } from "../admin-source.ts";
import { createConfigWarnings } from "../config-warnings.ts";
import { readFallback, withFallback } from "../fallback-certificate.ts";
import { type Front, openFront, type ProxyPlaces } from "../front.ts";
import { type GatewayProcess, reportProblems, type StartOptions } from "../gateway-process.ts";
import { degradedOrigin, openOrigin } from "../origin.ts";
import { terminalLog } from "../runtime.ts";
import type { ProcessSettings } from "../settings.ts";
import { countUpstreams, loggedMark, runningUpstreams } from "../upstream-states.ts";
import { Crew } from "./crew.ts";
import { createDispatcher, type Dispatcher } from "./dispatcher.ts";
import type { Entrance } from "./messages.ts";
import { createMetricsView, type MetricsView } from "./metrics-view.ts";
import { degradedParts, describeWorkers, explainedWith } from "./overview.ts";
import { forkWorker } from "./worker-process.ts";

/** Connections that wait while no worker is free, e.g. while all of them are being replaced; a guess. */
const maxWaitingConnections = 1_024;

export interface PrimaryOptions extends StartOptions {
  readonly workers: number;
}

/**
 * Starts everything, and leaves it to the caller to announce it. Throws `ConfigFileError`, and what keeps a worker from
 * starting or an address from being had; then nothing is left running.
 */
export async function startWorkers(options: PrimaryOptions): Promise<GatewayProcess> {
  const { settings, workers, terminal } = options;
  const log = terminalLog(terminal, settings.logLevel, settings.pretty);
  const covers = coversFor(settings);
  const warnings = createConfigWarnings(settings, log);
  const fallback = readFallback(settings); // first: what throws leaves nothing open
  const nodeId = randomUUID();
  let phase: "starting" | "running" | "stopping" = "starting";
  const origin = await openOrigin(
    { ...options, covers, nodeId },
    {
      env: terminal.env,
      log,
      async take({ config, source }, beforeCommit) {
        if (phase !== "running") throw new Error(`the gateway is ${phase}; nothing was changed`);
        const next = { source, fallback: readFallback(settings) };
        await crew.take(next, beforeCommit);
        warnings.take(withFallback(config, next.fallback));
      },
      markHere: loggedMark((mark) => crew.mark(mark), log),
    },
  );
  reportProblems(origin.first, log);
  warnings.take(withFallback(origin.first.config, fallback));

  const metrics = createMetricsView();
  const dispatcher = createDispatcher(maxWaitingConnections);
  const services: ListenerServices = {
    now: () => performance.now(),
    wallClock: () => Date.now(),
    newId: createIdSource(),
  };
  const first = { source: origin.first.source, fallback };
  const crew = new Crew(first, {
    size: workers,
    settings: {
      listen: settings.proxyListen,
      listenSecure: settings.proxyListenSsl,
      trustedIps: settings.trustedIps,
      logLevel: settings.logLevel,
      pretty: settings.pretty,
      ledger: settings.ledger,
      prefix: settings.prefix,
    },
    fork: (number, onReport) =>
      forkWorker({
        number,
        terminal,
        log,
        onReport,
        onCounted: (counted) => metrics.update(number, counted),
      }),
    dispatcher,
    metrics,
    log,
    now: services.now,
    schedule: systemSchedule,
  });
  const isReady = () =>
    phase === "running" && origin.hasServed && crew.places.some(({ isCurrent }) => isCurrent);
  const describe = async () => ({
    version: version(),
    ready: isReady(),
    ...describeWorkers(crew.places, await crew.facts()),
  });
  let front: Front | undefined;
  let proxy: Acceptor;
  try {
    front = await openFront({
      settings,
      services,
      status: {
        metrics: { render: () => renderAll(crew, metrics) },
        isReady,
        degraded: async () => [...degradedParts(crew.places, await crew.facts()), ...degradedOrigin(origin)],
        describe,
      },
      admin: adminSource(
        {
          control: origin.control,
          describe,
          reload: origin.reload,
          explain: (question) => explainBy(crew, question),
          nodeId,
          upstreams: runningUpstreams(() => crew.upstreams(), origin),
        },
        settings,
        covers,
        terminal.env,
      ),
      terminal,
      log,
    });
    await crew.start();
    proxy = await accept(settings, dispatcher);
  } catch (error) {
    warnings.close();
    await Promise.all([front?.close(), crew.abandon(), origin.close()]);
    throw error;
  }
  phase = "running";
  origin.watch();
  const opened = front;
  return {
    log,
    failed: crew.failed,
    announce: () => opened.announce(proxy, { workers }),
    reload: () => origin.reload(),
    async close(deadlineMs) {
      phase = "stopping";
      warnings.close();
      await origin.close();
      log.info("stopping", { workers, deadlineMs });
      proxy.close();
      await crew.stop(deadlineMs);
      await opened.close();
      log.info("stopped");
    },
    abandon: () => void crew.abandon(),
  };
}

interface Acceptor extends ProxyPlaces {
  /** Stops accepting. */
  close(): void;
}

/**
 * Listens for as long as the process runs, whatever becomes of workers: no connection is refused while one is replaced,
 * and a port that was drawn stays. Nothing is read from a connection here.
 */
async function accept(
  { proxyListen, proxyListenSsl }: ProcessSettings,
  dispatcher: Dispatcher,
): Promise<Acceptor> {
  const plain = await acceptConnections(proxyListen);
  try {
    const secure = proxyListenSsl && (await acceptConnections(proxyListenSsl));
    deal(plain, "plain", dispatcher);
    if (secure !== undefined) deal(secure, "secure", dispatcher);
    return {
      address: plain.address,
      port: plain.port,
      secure,
      close() {
        plain.close();
        secure?.close();
        dispatcher.close();
      },
    };
  } catch (error) {
    plain.close();
    throw error;
  }
}

function deal(source: ConnectionSource, entrance: Entrance, dispatcher: Dispatcher): void {
  source.open((socket) => {
    socket.on("error", () => undefined); // the worker that has it sees it too
    dispatcher.offer({ socket, entrance });
  });
}

/** What one worker decides, with the state of the targets in all of them right after. */
async function explainBy(crew: Crew, question: Question): Promise<Answer> {
  try {
    const { explanations, plugins } = await crew.explain(question);
    const facts = await crew.facts();
    return { explanations: explanations.map((each) => explainedWith(facts, each)), plugins };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new GatewayError("cannot_explain", { reason }, { cause });
  }
}

/** What the primary counts itself, and what workers do. */
async function renderAll(
  crew: Crew,
  view: MetricsView,
): Promise<{ readonly text: string; readonly contentType: string }> {
  const [upstreams] = await Promise.all([crew.upstreams(), crew.count()]);
  const own = createMetricRegistry();
  const { places } = crew;
  own.reading("sluice_workers", "Workers that are to serve", "gauge", () => places.length);
  own.reading(
    "sluice_workers_serving",
    "Workers that serve the current configuration",
    "gauge",
    () => places.filter(({ isCurrent }) => isCurrent).length,
  );
  own.reading("sluice_worker_deaths_total", "Workers that died and were replaced", "counter", () =>
    places.reduce((total, { deaths }) => total + deaths, 0),
  );
  countUpstreams(own, () => upstreams);
  return { text: renderSnapshot(view.merged(own.snapshot())), contentType };
}
