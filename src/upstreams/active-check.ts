/** Active checks of one target: it is asked at intervals, which differ while it is in use and while it is out. */
import type { Schedule } from "../util/schedule.ts";
import type { ActiveChecks } from "./healthchecks.ts";
import type { FailureSort, Sign } from "./outcome.ts";

/** What is remembered across reloads. */
export interface ActiveRecord {
  isOut: boolean;
  /** Good answers in a row, while it is out. */
  successes: number;
  /** Failures in a row, while it is in use. */
  readonly failures: Record<FailureSort, number>;
}

export function createActiveRecord(): ActiveRecord {
  return { isOut: false, successes: 0, failures: { http: 0, tcp: 0, timeout: 0 } };
}

/** As if nothing had been asked yet; `isOut` stays. */
export function forgetAnswers(record: ActiveRecord): void {
  record.successes = 0;
  forgetFailures(record);
}

export interface ActiveCheckServices {
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
  readonly schedule: Schedule;
  /** Asks the target. Never rejects; an aborted question may be answered in any way. */
  readonly ask: (signal: AbortSignal) => Promise<Sign>;
  /** Something else than active checks keeps it out. */
  readonly isOutOtherwise: () => boolean;
  readonly onOut: (sort: FailureSort) => void;
  /** Whatever else keeps it out is to let it in. */
  readonly onBack: () => void;
}

export interface ActiveCheck {
  /** Milliseconds until the checks can have brought it back; undefined where they never will, or it is not out. */
  readonly retryInMs: number | undefined;
  /** Something else has taken it out, or let it in: the interval may be another now. */
  changed(): void;
  /** Cancels a check under way; nothing is written to the record afterwards. */
  close(): void;
}

/** The first check comes within this time, so that a start does not ask all targets at once. A choice. */
const firstWithinMs = 1_000;

/** Intervals vary by ±10 %, so that nodes do not fall into step. */
const spread = 0.1;

export function startActiveCheck(
  checks: ActiveChecks,
  record: ActiveRecord,
  services: ActiveCheckServices,
): ActiveCheck {
  return new IntervalCheck(checks, record, services);
}

class IntervalCheck implements ActiveCheck {
  readonly #checks: ActiveChecks;
  readonly #record: ActiveRecord;
  readonly #services: ActiveCheckServices;
  readonly #closing = new AbortController();
  #cancel: () => void = () => undefined;
  #nextAt = 0;
  /** What the timer that runs was set for. */
  #plannedOut: boolean | undefined;
  #isAsking = false;

  constructor(checks: ActiveChecks, record: ActiveRecord, services: ActiveCheckServices) {
    this.#checks = checks;
    this.#record = record;
    this.#services = services;
    const { random } = services;
    this.#plan(random() * Math.min(this.#intervalMs, firstWithinMs));
  }

  get retryInMs(): number | undefined {
    const { healthy, unhealthy } = this.#checks;
    if (!this.#isOut || unhealthy.interval === 0 || healthy.successes === 0) return undefined;
    const further = Math.max(0, healthy.successes - this.#record.successes - 1);
    return Math.max(1, this.#nextAt - this.#services.now()) + further * unhealthy.interval * 1000;
  }

  changed(): void {
    if (this.#isAsking || this.#plannedOut === this.#isOut) return;
    this.#cancel();
    this.#planNext();
  }

  close(): void {
    this.#cancel();
    this.#closing.abort(new Error("the check was closed"));
  }

  get #isOut(): boolean {
    return this.#record.isOut || this.#services.isOutOtherwise();
  }

  get #intervalMs(): number {
    return (this.#isOut ? this.#checks.unhealthy : this.#checks.healthy).interval * 1000;
  }

  #planNext(): void {
    this.#plan(this.#intervalMs * (1 - spread + 2 * spread * this.#services.random()));
  }

  #plan(delayMs: number): void {
    if (this.#closing.signal.aborted) return;
    this.#plannedOut = this.#isOut;
    if (this.#intervalMs === 0) return;
    this.#nextAt = this.#services.now() + delayMs;
    this.#cancel = this.#services.schedule(delayMs, () => void this.#check());
  }

  async #check(): Promise<void> {
    this.#isAsking = true;
    const wasOut = this.#isOut;
    const sign = await this.#services.ask(this.#closing.signal);
    if (this.#closing.signal.aborted) return;
    // What was asked before something else took it out, or let it in, says nothing of what has become of it since.
    if (this.#isOut === wasOut) this.#learn(sign);
    this.#isAsking = false; // not before: what is learned comes back as `changed`, which would set a second timer
    this.#planNext();
  }

  #learn(sign: Sign): void {
    if (sign === "good") this.#learnGood();
    else if (sign !== undefined) this.#learnBad(sign);
  }

  #learnGood(): void {
    const record = this.#record;
    forgetFailures(record);
    if (!this.#isOut) return;
    record.successes++;
    const { successes: needed } = this.#checks.healthy;
    if (needed === 0 || record.successes < needed) return;
    record.successes = 0;
    record.isOut = false;
    this.#services.onBack();
  }

  #learnBad(sort: FailureSort): void {
    const record = this.#record;
    record.successes = 0;
    if (record.isOut) return;
    record.failures[sort]++;
    const { http_failures: http, tcp_failures: tcp, timeouts: timeout } = this.#checks.unhealthy;
    const most = { http, tcp, timeout }[sort];
    if (most === 0 || record.failures[sort] < most) return;
    forgetFailures(record);
    record.isOut = true;
    this.#services.onOut(sort);
  }
}

function forgetFailures({ failures }: ActiveRecord): void {
  failures.http = 0;
  failures.tcp = 0;
  failures.timeout = 0;
}
