/** A worker as the primary sees it: a process that takes orders and connections. */
import { type ChildProcess, fork } from "node:child_process";
import type { Logger } from "../../telemetry/logger.ts";
import type { MetricSnapshot } from "../../telemetry/metric-snapshot.ts";
import type { LineWriter } from "../../telemetry/sinks.ts";
import type { Terminal } from "../terminal.ts";
import type { Connection, Taker } from "./dispatcher.ts";
import { relayLines } from "./line-relay.ts";
import type { Answers, Order, StateNews, StateReport, ToPrimary, ToWorker } from "./messages.ts";
import type { NewsTaker } from "./siblings.ts";
import { workerVariable } from "./worker.ts";

export interface WorkerProcess extends Taker, NewsTaker {
  readonly pid: number | undefined;
  /** Rejects with what the worker says is wrong, when it dies, and when it has not answered in time. */
  ask<Kind extends Order["kind"]>(
    order: Extract<Order, { kind: Kind }>,
    timeoutMs: number,
  ): Promise<Answers[Kind]>;
  /** Ends it at once. */
  kill(): void;
  /** Resolves as soon as it has ended, with how: `exit code 1`, `signal SIGKILL`. */
  readonly gone: Promise<string>;
  /** Resolves when its output has been passed on too. */
  readonly closed: Promise<void>;
}

export interface ForkOptions {
  readonly number: number;
  readonly terminal: Terminal;
  readonly log: Logger;
  readonly onCounted: (metrics: MetricSnapshot) => void;
  readonly onReport: (told: StateReport) => void;
}

/** Starts this very command line once more, as a worker that waits for orders. */
export function forkWorker(options: ForkOptions): WorkerProcess {
  const child = fork(process.argv[1] ?? "", process.argv.slice(2), {
    env: { ...options.terminal.env, [workerVariable]: String(process.pid) },
    // A debugger's port can be had once.
    execArgv: process.execArgv.filter((argument) => !argument.startsWith("--inspect")),
    serialization: "advanced", // knows infinity and NaN
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  relayOutput(child, options);
  const channel = new Channel(child, options);
  return {
    pid: child.pid,
    ask: (order, timeoutMs) => channel.ask(order, timeoutMs),
    give: (connection, onTaken) => channel.give(connection, onTaken),
    hear: (news) => channel.hear(news),
    kill: () => void child.kill("SIGKILL"),
    gone: channel.gone,
    closed: channel.closed,
  };
}

function relayOutput({ stdout, stderr }: ChildProcess, { number, terminal, log }: ForkOptions): void {
  if (stdout !== null) {
    relayLines(stdout, terminal.lines, (rest) =>
      log.warn("a worker ended in the middle of an access record", { worker: number, bytes: rest.length }),
    );
  }
  const errors: LineWriter = {
    write(text, done) {
      terminal.err(text);
      done();
    },
  };
  if (stderr !== null) relayLines(stderr, errors, (rest) => terminal.err(`${rest}\n`));
}

interface Pending {
  resolve(value: Answers[Order["kind"]]): void;
  reject(error: Error): void;
}

class Channel {
  readonly gone: Promise<string>;
  readonly closed: Promise<void>;
  readonly #child: ChildProcess;
  readonly #number: number;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #isGone = false;
  /** In the order in which connections were sent, which is the order in which they arrive. */
  readonly #onTaken: (() => void)[] = [];

  constructor(child: ChildProcess, { number, onCounted, onReport }: ForkOptions) {
    this.#child = child;
    this.#number = number;
    this.gone = new Promise((resolve) => {
      child.once("exit", (code, signal) => {
        this.#isGone = true;
        const end = signal === null ? `exit code ${code}` : `signal ${signal}`;
        this.#rejectAll(`worker ${number} ended with ${end}`);
        resolve(end);
      });
      // It could not be started, or a message could not be sent.
      child.on("error", (error) => {
        this.#rejectAll(`worker ${number}: ${error.message}`);
        if (child.pid === undefined) resolve(error.message);
      });
    });
    this.closed = new Promise((resolve) => {
      child.once("close", () => resolve());
      child.once("error", () => {
        if (child.pid === undefined) resolve();
      });
    });
    child.on("message", (message) => this.#hear(message as ToPrimary, onCounted, onReport)); // our own worker's words
  }

  ask<Kind extends Order["kind"]>(
    order: Extract<Order, { kind: Kind }>,
    timeoutMs: number,
  ): Promise<Answers[Kind]> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const fail = (reason: string) => this.#pending.get(id)?.reject(new Error(reason));
      const timer = setTimeout(
        () => fail(`worker ${this.#number} has not answered "${order.kind}" within ${timeoutMs} ms`),
        timeoutMs,
      );
      const settle = () => {
        clearTimeout(timer);
        this.#pending.delete(id);
      };
      this.#pending.set(id, {
        resolve(value) {
          settle();
          resolve(value as Answers[Kind]); // the answer has the id of this order
        },
        reject(error) {
          settle();
          reject(error);
        },
      });
      this.#tell({ kind: "order", id, order }, (error) =>
        fail(`worker ${this.#number} cannot be told: ${error.message}`),
      );
    });
  }

  give({ entrance, socket }: Connection, onTaken: () => void): void {
    this.#onTaken.push(onTaken);
    const message: ToWorker = { kind: "connection", entrance };
    // Kept open here until it has arrived there: if the worker dies first, another gets it. A failure to send means
    // that the worker is gone, which `gone` says.
    this.#child.send(message, socket, { keepOpen: true }, () => undefined);
  }

  /** What cannot be sent is lost with the worker. */
  hear(news: StateNews): void {
    if (this.#child.connected) this.#tell({ kind: "state", news }, () => undefined);
  }

  #tell(message: ToWorker, onFailed: (error: Error) => void): void {
    this.#child.send(message, undefined, undefined, (error) => {
      if (error !== null) onFailed(error);
    });
  }

  #hear(message: ToPrimary, onCounted: ForkOptions["onCounted"], onReport: ForkOptions["onReport"]): void {
    switch (message.kind) {
      case "taken":
        this.#onTaken.shift()?.();
        return;
      case "counted":
        // Its counts have been closed with its end; the number may be another's by now.
        if (!this.#isGone) onCounted(message.metrics);
        return;
      case "state":
        if (!this.#isGone) onReport(message.told);
        return;
      case "done":
        this.#pending.get(message.id)?.resolve(message.value);
        return;
      case "failed":
        this.#pending.get(message.id)?.reject(new Error(message.reason));
        return;
    }
  }

  #rejectAll(reason: string): void {
    for (const pending of [...this.#pending.values()]) pending.reject(new Error(reason));
  }
}
