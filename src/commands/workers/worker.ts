/** The process that serves while another, the primary, accepts connections, reads the file and hears signals. */
import { Socket } from "node:net";
import { explainBy, explainTimeoutMs } from "../../admin/explain.ts";
import type { Config } from "../../config/config.ts";
import type { Gateway, PreparedConfig } from "../../gateway.ts";
import type { ConnectionSource } from "../../http/listener.ts";
import type { StateChannel } from "../../shared-state/state-channel.ts";
import type { Logger } from "../../telemetry/logger.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import type { Sink } from "../../telemetry/sinks.ts";
import { loadSource } from "../config-file.ts";
import { withFallback } from "../fallback-certificate.ts";
import { outputSink } from "../gateway-process.ts";
import { createRuntime, terminalLog } from "../runtime.ts";
import { createServing, type Serving } from "../serving.ts";
import type { Address } from "../settings.ts";
import { leaveSignals } from "../signals.ts";
import type { ExitCode, Terminal } from "../terminal.ts";
import type { Answers, Entrance, Order, ToPrimary, ToWorker, WorkerConfig } from "./messages.ts";
import { createSiblingChannel } from "./siblings.ts";

/** Set by the primary for its workers; together with a channel to it, it makes a process one. */
export const workerVariable = "SLUICE_WORKER_OF";

/** A worker that dies has lost what it counted in this time at most. */
const countedEveryMs = 1_000;

export function isWorker(env: Terminal["env"]): boolean {
  return env[workerVariable] !== undefined && process.send !== undefined;
}

/** Does what the primary says. Resolves when it has said stop; when it is gone the process ends at once. */
export function runWorker(terminal: Terminal): Promise<ExitCode> {
  leaveSignals();
  const connections = createConnections();
  const siblings = createSiblingChannel(
    () => performance.now(),
    (told) => tell({ kind: "state", told }),
  );
  let worker: Worker | undefined;
  return new Promise((resolve) => {
    const fulfil = async (order: Order): Promise<Answers[Order["kind"]]> => {
      if (order.kind === "start") {
        worker = await Worker.start(order, terminal, connections.source, siblings);
        return undefined;
      }
      if (worker === undefined) throw new Error("it has not started yet");
      return worker.fulfil(order);
    };
    const obey = async (id: number, order: Order): Promise<void> => {
      const answer = await fulfil(order).then(
        (value): ToPrimary => ({ kind: "done", id, value }),
        (error: unknown): ToPrimary => ({
          kind: "failed",
          id,
          reason: error instanceof Error ? error.message : String(error),
        }),
      );
      tell(answer, () => {
        if (order.kind !== "stop") return;
        process.off("disconnect", endOrphan);
        process.disconnect();
        resolve(0);
      });
    };
    // A worker without its primary gets no connections, and nobody would ever stop it.
    const endOrphan = () => process.exit(1);
    process.on("disconnect", endOrphan);
    process.on("message", (message: ToWorker, handle: unknown) => {
      if (message.kind === "connection") connections.take(message.entrance, handle);
      else if (message.kind === "state") siblings.take(message.news);
      else void obey(message.id, message.order);
    });
    if (!process.connected) endOrphan();
  });
}

function tell(message: ToPrimary, onSent?: () => void): void {
  // A primary that cannot be told is gone, which `disconnect` says too.
  process.send?.(message, undefined, undefined, () => onSent?.());
}

/** The connections that the primary hands over. */
function createConnections(): {
  readonly source: (entrance: Entrance, where: Address) => ConnectionSource;
  take(entrance: Entrance, handle: unknown): void;
} {
  const takers = new Map<Entrance, (socket: Socket) => void>();
  return {
    source: (entrance, { host, port }) => ({
      address: host,
      port,
      open: (take) => void takers.set(entrance, take),
      close: () => void takers.delete(entrance),
    }),
    take(entrance, handle) {
      tell({ kind: "taken" });
      if (!(handle instanceof Socket)) return; // its client has left on the way
      const serve = takers.get(entrance);
      if (serve === undefined) handle.destroy();
      else serve(handle);
    },
  };
}

class Worker {
  readonly #terminal: Terminal;
  readonly #serving: Serving;
  readonly #gateway: Gateway;
  readonly #stopCounting: () => void;
  #prepared: PreparedConfig | undefined;
  #lastChange: Promise<void> = Promise.resolve();

  private constructor(terminal: Terminal, serving: Serving, gateway: Gateway, stopCounting: () => void) {
    this.#terminal = terminal;
    this.#serving = serving;
    this.#gateway = gateway;
    this.#stopCounting = stopCounting;
  }

  static async start(
    { settings, config }: Extract<Order, { kind: "start" }>,
    terminal: Terminal,
    source: (entrance: Entrance, where: Address) => ConnectionSource,
    siblings: StateChannel,
  ): Promise<Worker> {
    const log = numbered(terminalLog(terminal, settings.logLevel, settings.pretty), settings.number);
    const counting = countNowAndThen(() => serving.metrics);
    const serving = createServing({
      listen: source("plain", settings.listen),
      listenSecure: settings.listenSecure && source("secure", settings.listenSecure),
      runtime: createRuntime(log, terminal.env, { siblings }),
      sinks: [outputSink(settings.pretty, terminal, log), counting.sink],
      settings,
    });
    const gateway = await serving.start(parse(config, terminal));
    return new Worker(terminal, serving, gateway, counting.stop);
  }

  async fulfil(order: Exclude<Order, { kind: "start" }>): Promise<Answers[Order["kind"]]> {
    switch (order.kind) {
      case "prepare":
      case "commit":
      case "discard":
        await this.#change(order);
        return undefined;
      case "facts":
        return this.#serving.facts();
      case "upstreams":
        return this.#serving.upstreams();
      case "metrics":
        return this.#serving.metrics.snapshot();
      case "explain":
        return explainBy(
          this.#gateway.snapshot.plugins,
          order.question,
          AbortSignal.timeout(explainTimeoutMs),
        );
      case "mark":
        return this.#gateway.markTarget(order.mark);
      case "stop":
        await this.#discard();
        await this.#serving.close(order.deadlineMs);
        this.#stopCounting();
        tell({ kind: "counted", metrics: this.#serving.metrics.snapshot() });
        return undefined;
    }
  }

  /** One after another: a primary that has given up waiting for one asks for the next while that is under way. */
  #change(order: Extract<Order, { kind: "prepare" | "commit" | "discard" }>): Promise<void> {
    const changed = this.#lastChange.then(async () => {
      if (order.kind === "commit") return this.#commit();
      await this.#discard();
      if (order.kind === "prepare")
        this.#prepared = await this.#gateway.prepare(parse(order.config, this.#terminal));
    });
    this.#lastChange = changed.catch(() => undefined); // whoever asked is told
    return changed;
  }

  async #commit(): Promise<void> {
    const prepared = this.#prepared;
    this.#prepared = undefined;
    if (prepared === undefined) throw new Error("no config was prepared");
    await prepared.commit();
  }

  async #discard(): Promise<void> {
    const prepared = this.#prepared;
    this.#prepared = undefined;
    await prepared?.discard();
  }
}

/** The primary has found the same config good and told its warnings. */
function parse({ fallback, source }: WorkerConfig, terminal: Terminal): Config {
  return withFallback(loadSource(source, terminal.env).config, fallback);
}

/** Tells the primary what has been counted, while there is something new. */
function countNowAndThen(metrics: () => Metrics): { readonly sink: Sink; stop(): void } {
  let isNew = false;
  const timer = setInterval(() => {
    if (!isNew) return;
    isNew = false;
    tell({ kind: "counted", metrics: metrics().snapshot() });
  }, countedEveryMs);
  timer.unref();
  const sink: Sink = {
    write() {
      isNew = true;
    },
    close: async () => undefined,
  };
  return { sink, stop: () => clearInterval(timer) };
}

/** Says with every line whose it is. */
function numbered(log: Logger, worker: number): Logger {
  const at = (level: keyof Logger) => (message: string, facts?: Readonly<Record<string, unknown>>) =>
    log[level](message, { worker, ...facts });
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
