/** The workers: starts them, replaces those that die, and has all of them take a config or none. */
import { type Answer, explainTimeoutMs } from "../../admin/explain.ts";
import type { Question } from "../../admin/question.ts";
import type { Logger } from "../../telemetry/logger.ts";
import type { TargetMark } from "../../upstreams/upstream-health.ts";
import type { Schedule } from "../../util/schedule.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { StateReport, UpstreamFacts, WorkerConfig, WorkerFacts, WorkerSettings } from "./messages.ts";
import type { MetricsView } from "./metrics-view.ts";
import { createRestarts, maxDeaths, type Restarts, windowMs } from "./restarts.ts";
import { createReportRelay, type ReportRelay } from "./siblings.ts";
import type { WorkerProcess } from "./worker-process.ts";

/** Plugins are waited for 10 s (gateway.ts); the rest is for a machine that is busy starting many. */
const startTimeoutMs = 60_000;
const prepareTimeoutMs = 20_000;
/** A commit swaps a reference, then removes what removed plugins kept in their stores. */
const commitTimeoutMs = 5_000;
/** Somebody waits for `/status` or a scrape. */
const factsTimeoutMs = 1_000;
/** Somebody waits, but not for as long (explain.ts); the rest is for the way there and back. */
const explainAnswerMs = explainTimeoutMs + 1_000;
/** What a worker may take to close what is not an exchange, once the deadline of those is over. */
const stopGraceMs = 5_000;

/** `starting`: its process is there, or is about to be · `serving` · `stopping`. */
export type WorkerState = "starting" | "serving" | "stopping";

/** What the primary knows of a worker's place; the process in it may change. */
export interface Place {
  readonly number: number;
  readonly state: WorkerState;
  readonly pid: number | undefined;
  /** It serves, and the config is the one that all have. */
  readonly isCurrent: boolean;
  /** Processes that have died in this place. */
  readonly deaths: number;
  /** How the last one did. */
  readonly lastDeath: string | undefined;
}

export interface CrewOptions {
  readonly size: number;
  readonly settings: Omit<WorkerSettings, "number">;
  /** `onReport` gets what it tells of its targets. */
  readonly fork: (number: number, onReport: (told: StateReport) => void) => WorkerProcess;
  readonly dispatcher: Dispatcher;
  readonly metrics: MetricsView;
  readonly log: Logger;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly schedule: Schedule;
}

interface Slot {
  readonly number: number;
  readonly restarts: Restarts;
  process: WorkerProcess;
  state: WorkerState;
  /** The config that it serves. */
  config: WorkerConfig | undefined;
  deaths: number;
  lastDeath: string | undefined;
  /** Why we ended it ourselves. */
  fault: string | undefined;
}

export class Crew {
  /** Resolves when a worker has died too often. */
  readonly failed: Promise<Error>;
  readonly #options: CrewOptions;
  readonly #slots: readonly Slot[];
  readonly #relay: ReportRelay<WorkerProcess>;
  #fail: (error: Error) => void = () => undefined;
  #config: WorkerConfig;
  #phase: "starting" | "running" | "stopping" = "starting";
  #lastTake: Promise<void> = Promise.resolve();

  /** Forks at once, so that all are there when the first has started. */
  constructor(config: WorkerConfig, options: CrewOptions) {
    this.#config = config;
    this.#options = options;
    this.#relay = createReportRelay(options.now);
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
    this.#slots = Array.from({ length: options.size }, (_, at) => ({
      number: at + 1,
      restarts: createRestarts(options.now),
      process: this.#fork(at + 1),
      state: "starting",
      config: undefined,
      deaths: 0,
      lastDeath: undefined,
      fault: undefined,
    }));
  }

  get places(): readonly Place[] {
    return this.#slots.map((slot) => ({
      number: slot.number,
      state: slot.state,
      pid: slot.process.pid,
      isCurrent: slot.state === "serving" && slot.config === this.#config,
      deaths: slot.deaths,
      lastDeath: slot.lastDeath,
    }));
  }

  /** Rejects, with no worker left, when one cannot start. */
  async start(): Promise<void> {
    const [first, ...others] = this.#slots;
    try {
      // The first alone: what it embeds and puts into a store the others find there.
      if (first !== undefined) await this.#bringUp(first);
      await Promise.all(others.map((slot) => this.#bringUp(slot)));
    } catch (error) {
      await this.abandon();
      throw error;
    }
    this.#phase = "running";
  }

  /**
   * Has every worker get the config ready, then every worker serve it. Rejects, with all on the config they had, when one
   * cannot get it ready, or `beforeCommit` rejects, which runs in between. One that fails after that is replaced, and its
   * successor starts with the new config.
   */
  take(config: WorkerConfig, beforeCommit: () => Promise<void> = async () => undefined): Promise<void> {
    const taken = this.#lastTake.then(() => this.#take(config, beforeCommit));
    this.#lastTake = taken.catch(() => undefined);
    return taken;
  }

  async #take(config: WorkerConfig, beforeCommit: () => Promise<void>): Promise<void> {
    const crew = this.#serving();
    if (crew.length === 0) throw new Error("no worker serves at the moment; try again");
    const members = crew.map((slot) => ({ slot, process: slot.process }));
    const prepared = await Promise.allSettled(
      members.map(({ process }) => process.ask({ kind: "prepare", config }, prepareTimeoutMs)),
    );
    const unready = prepared.find((result) => result.status === "rejected");
    const [failure] = unready === undefined ? await Promise.allSettled([beforeCommit()]) : [unready];
    if (failure.status === "rejected") {
      // Whoever is gone or late has nothing to give up, or gives it up before it prepares again.
      await Promise.allSettled(
        members.map(({ process }) => process.ask({ kind: "discard" }, commitTimeoutMs)),
      );
      throw failure.reason;
    }
    this.#config = config;
    await Promise.all(members.map(({ slot, process }) => this.#commit(slot, process, config)));
    // Those that began to serve meanwhile, with the config before.
    await Promise.all(
      this.#serving()
        .filter((slot) => slot.config !== config)
        .map((slot) =>
          this.#catchUp(slot, slot.process).catch((error) => this.#end(slot, slot.process, error)),
        ),
    );
  }

  /** How the workers are doing that serve; undefined for one that does not answer. */
  async facts(): Promise<ReadonlyMap<number, WorkerFacts | undefined>> {
    const facts = await this.#askAll((process) => process.ask({ kind: "facts" }, factsTimeoutMs));
    return new Map(facts);
  }

  /** How each of those that serve and answer finds the upstreams. */
  async upstreams(): Promise<readonly UpstreamFacts[]> {
    const told = await this.#askAll((process) => process.ask({ kind: "upstreams" }, factsTimeoutMs));
    return told.flatMap(([, facts]) => facts ?? []);
  }

  /** Brings the metrics up to date, as far as workers answer. */
  async count(): Promise<void> {
    await this.#askAll(async (process, number) => {
      const metrics = await process.ask({ kind: "metrics" }, factsTimeoutMs);
      if (this.#slots[number - 1]?.process === process) this.#options.metrics.update(number, metrics);
    });
  }

  /**
   * Has one worker decide, the first that serves the current config: the same each time, so that the same question has
   * the same answer. Rejects when there is none, and when it has died of something else meanwhile.
   */
  async explain(question: Question): Promise<Answer> {
    const [slot] = this.#serving().filter(({ config }) => config === this.#config);
    if (slot === undefined) throw new Error("no worker serves the current configuration");
    const { number, process } = slot;
    const { explanations, plugins } = await process.ask({ kind: "explain", question }, explainAnswerMs);
    return { explanations: explanations.map((each) => ({ ...each, worker: number })), plugins };
  }

  /**
   * Has all workers that serve mark a target; those that come later learn of it from the others. False where none has it.
   * Rejects when one does not answer, and when none serves.
   */
  async mark(mark: TargetMark): Promise<boolean> {
    const serving = this.#serving();
    if (serving.length === 0) throw new Error("no worker serves at the moment");
    const marked = await Promise.all(
      serving.map(({ process }) => process.ask({ kind: "mark", mark }, factsTimeoutMs)),
    );
    return marked.includes(true);
  }

  /** Lets all end what they have begun, within the deadline. */
  async stop(deadlineMs: number): Promise<void> {
    this.#phase = "stopping";
    await Promise.all(
      this.#slots.map(async (slot) => {
        const { process } = slot;
        const isServing = slot.state === "serving";
        slot.state = "stopping";
        if (!isServing) process.kill();
        else {
          await process
            .ask({ kind: "stop", deadlineMs }, deadlineMs + stopGraceMs)
            .catch((error: unknown) => {
              this.#options.log.error("a worker did not stop and is ended", { reason: reasonOf(error) });
              process.kill();
            });
        }
        await process.closed;
      }),
    );
  }

  /** Ends all at once; resolves when they have ended. */
  async abandon(): Promise<void> {
    this.#phase = "stopping";
    for (const { process } of this.#slots) process.kill();
    await Promise.all(this.#slots.map(({ process }) => process.closed));
  }

  #serving(): readonly Slot[] {
    return this.#slots.filter(({ state }) => state === "serving");
  }

  async #askAll<Value>(
    ask: (process: WorkerProcess, number: number) => Promise<Value>,
  ): Promise<readonly (readonly [number, Value | undefined])[]> {
    const asked = this.#slots
      .filter(({ state }) => state !== "starting")
      .map(async ({ process, number }) => {
        const answer = await ask(process, number).catch(() => undefined); // shown as not answering
        return [number, answer] as const;
      });
    return Promise.all(asked);
  }

  #fork(number: number): WorkerProcess {
    const process: WorkerProcess = this.#options.fork(number, (told) => this.#relay.report(process, told));
    this.#relay.add(process);
    void process.gone.then((how) => {
      const slot = this.#slots[number - 1];
      if (slot?.process === process) this.#bury(slot, process, how);
    });
    return process;
  }

  async #bringUp(slot: Slot): Promise<void> {
    const { process } = slot;
    const settings = { ...this.#options.settings, number: slot.number };
    const config = this.#config;
    await process.ask({ kind: "start", settings, config }, startTimeoutMs);
    slot.config = config;
    await this.#catchUp(slot, process);
    if (slot.process !== process || this.#phase === "stopping") return;
    slot.state = "serving";
    this.#options.dispatcher.add(process);
  }

  /** Takes the configs that came while it was starting. */
  async #catchUp(slot: Slot, process: WorkerProcess): Promise<void> {
    while (slot.process === process && slot.config !== this.#config) {
      const config = this.#config;
      await process.ask({ kind: "prepare", config }, prepareTimeoutMs);
      await process.ask({ kind: "commit" }, commitTimeoutMs);
      slot.config = config;
    }
  }

  async #commit(slot: Slot, process: WorkerProcess, config: WorkerConfig): Promise<void> {
    try {
      await process.ask({ kind: "commit" }, commitTimeoutMs);
      if (slot.process === process) slot.config = config;
    } catch (error) {
      this.#end(slot, process, error);
    }
  }

  /** Has a worker replaced that cannot go on. */
  #end(slot: Slot, process: WorkerProcess, error: unknown): void {
    if (slot.process !== process) return;
    slot.fault ??= reasonOf(error);
    process.kill();
  }

  #bury(slot: Slot, process: WorkerProcess, how: string): void {
    const { dispatcher, metrics, log, schedule } = this.#options;
    dispatcher.remove(process);
    this.#relay.remove(process);
    metrics.retire(slot.number);
    if (this.#phase !== "running") return;
    const fault = slot.fault;
    slot.fault = undefined;
    slot.state = "starting";
    slot.config = undefined;
    slot.deaths++;
    slot.lastDeath = how;
    const facts = {
      worker: slot.number,
      pid: process.pid,
      how,
      ...(fault !== undefined && { reason: fault }),
    };
    const delayMs = slot.restarts.died();
    if (delayMs === undefined) {
      log.error("a worker died", facts);
      this.#fail(
        new Error(
          `worker ${slot.number} died ${maxDeaths} times within ${windowMs / 1000} s, the last time with ${how}${fault === undefined ? "" : ` (${fault})`}; the lines above say more`,
        ),
      );
      return;
    }
    log.error("a worker died and is replaced", { ...facts, delayMs });
    schedule(delayMs, () => void this.#replace(slot));
  }

  async #replace(slot: Slot): Promise<void> {
    if (this.#phase !== "running") return;
    const process = this.#fork(slot.number);
    slot.process = process;
    try {
      await this.#bringUp(slot);
      this.#options.log.info("a worker serves in place of the one that died", {
        worker: slot.number,
        pid: process.pid,
      });
    } catch (error) {
      this.#end(slot, process, error);
    }
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
