/** The circuit breaker of a target: after so many failures it is left out for a while, then one probe decides. */
import type { Heard, Row } from "./balancer.ts";
import { type BreakerRecord, newsOf, noNews } from "./breaker-record.ts";
import type { Verdict } from "./verdict.ts";

/**
 * Total, not consecutive, failures are counted; a success resets the count only once `failTimeoutMs` has passed since
 * the last failure. Reaching `maxFails` opens; `failTimeoutMs` after the last failure one attempt at a time is let
 * through: its failure opens for another `failTimeoutMs`, its success closes and resets (Kong's documentation of
 * `max_fails` and `fail_timeout`, 3.13).
 */
export interface BreakerSettings {
  /** 0: off. */
  readonly maxFails: number;
  readonly failTimeoutMs: number;
  /** Time after the last failure from which a success makes all of them forgotten. Default: `failTimeoutMs`. */
  readonly quietMs?: number;
}

/** off: `maxFails` is 0 · half-open: the time is up, and one attempt is, or may be, under way to try. */
export type BreakerState = "off" | "closed" | "open" | "half-open";

export interface CircuitBreaker {
  readonly state: BreakerState;
  /** Failures that count towards `maxFails`, those that other processes have seen included; 0 when off. */
  readonly failures: number;
  /** Milliseconds until a probe is let through; 0 unless open. */
  readonly retryInMs: number;
  /** An attempt may begin now. */
  admits(now: number): boolean;
  /** An attempt that was admitted begins; it takes the probe where one is due. To be handed to `settle`, once. */
  enter(): number;
  settle(ticket: number, verdict: Verdict): void;
  /** Closes it and forgets the failures, in all processes: somebody else has found the target well. */
  reset(): void;
  /** What this process knows, for the breakers of the same target in others. */
  tell(): Row;
  /** What those others know; each as of `delayMs` ago at most. */
  hear(heard: readonly Heard[], delayMs: number): void;
}

export interface BreakerServices {
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  readonly onOpen: () => void;
  readonly onClose: () => void;
  /** `tell` would give something new; at once where other processes must not go on without it. */
  readonly onChange?: (isUrgent: boolean) => void;
}

/**
 * An attempt that began before the breaker opened, and ends after, cannot close it, end a probe, nor count once it
 * has closed again, since it tells of the time before. But a failure of it is a failure: while the breaker is open and
 * no probe is under way, it is the last one, from which `failTimeoutMs` is counted.
 *
 * Breakers of one target in several processes count together (`tell` and `hear`): failures are added up, one that opens
 * or probes does so for all, and one that forgets its failures begins an epoch in which all begin at nothing. They
 * agree as soon as they have heard of each other; what fails within `delayMs` of an epoch's beginning may go uncounted.
 */
export function createCircuitBreaker(
  record: BreakerRecord,
  settings: BreakerSettings,
  services: BreakerServices,
): CircuitBreaker {
  return new SharedCircuitBreaker(record, settings, services);
}

class SharedCircuitBreaker implements CircuitBreaker {
  readonly #record: BreakerRecord;
  readonly #settings: BreakerSettings;
  readonly #services: BreakerServices;
  readonly #isOff: boolean;

  constructor(record: BreakerRecord, settings: BreakerSettings, services: BreakerServices) {
    this.#record = record;
    this.#settings = settings;
    this.#services = services;
    this.#isOff = settings.maxFails === 0;
  }

  get state(): BreakerState {
    if (this.#isOff) return "off";
    if (!this.#isOpen) return "closed";
    return this.#isProbing || this.#probeInMs(this.#services.now()) === 0 ? "half-open" : "open";
  }

  get failures(): number {
    return this.#isOff ? 0 : this.#failures;
  }

  get retryInMs(): number {
    return this.#isOff || !this.#isOpen || this.#isProbing ? 0 : this.#probeInMs(this.#services.now());
  }

  admits(now: number): boolean {
    return this.#isOff || !this.#isOpen || (!this.#isProbing && this.#probeInMs(now) === 0);
  }

  enter(): number {
    const record = this.#record;
    if (!this.#isOff && this.#isOpen && !this.#isProbing) {
      record.isProbing = true;
      record.era++;
      this.#tellNow();
    }
    return record.era;
  }

  settle(ticket: number, verdict: Verdict): void {
    if (this.#isOff) return;
    const record = this.#record;
    const now = this.#services.now();
    if (ticket !== record.era) this.#settleLate(verdict, now);
    else if (record.isProbing) this.#settleProbe(verdict, now);
    else if (verdict === "failure") this.#countFailure(now);
    else if (verdict === "success" && this.#failures > 0 && this.#isQuiet(now)) this.#forgetFailures();
  }

  reset(): void {
    if (this.#isOff) return;
    if (this.#isOpen) this.#close();
    else if (this.#failures > 0) this.#forgetFailures();
  }

  tell(): Row {
    const { epoch, failures, lastFailureAt, isOpen, isProbing } = this.#record;
    return [epoch, failures, lastFailureAt, Number(isOpen), Number(isProbing)];
  }

  hear(heard: readonly Heard[], delayMs: number): void {
    const record = this.#record;
    const wasOpen = this.#isOpen;
    const newest = heard.reduce((epoch, { row }) => Math.max(epoch, row[0] ?? 0), record.epoch);
    if (newest > record.epoch) this.#enterEpoch(newest);
    record.others = newsOf(
      heard.filter(({ row }) => row[0] === record.epoch),
      delayMs,
    );
    // Each of us saw too few: only together they are too many.
    if (!this.#isOff && !this.#isOpen && this.#failures >= this.#settings.maxFails) {
      record.isOpen = true;
      this.#services.onOpen();
      this.#tellNow();
    }
    if (this.#isOpen !== wasOpen) record.era++;
  }

  get #failures(): number {
    return this.#record.failures + this.#record.others.failures;
  }

  get #isOpen(): boolean {
    return this.#record.isOpen || this.#record.others.isOpen;
  }

  get #isProbing(): boolean {
    return this.#record.isProbing || this.#record.others.isProbing;
  }

  get #lastFailureAt(): number {
    return Math.max(this.#record.lastFailureAt, this.#record.others.lastFailureAt);
  }

  #isQuiet(now: number): boolean {
    const { failTimeoutMs, quietMs = failTimeoutMs } = this.#settings;
    return now - this.#lastFailureAt >= quietMs;
  }

  /** Whoever has seen the last failure gets the requests, most likely, and is the first to try. */
  #probeInMs(now: number): number {
    const { lastFailureAt, others } = this.#record;
    const graceMs = others.lastFailureAt > lastFailureAt ? others.graceMs : 0;
    return Math.max(0, this.#lastFailureAt + this.#settings.failTimeoutMs + graceMs - now);
  }

  #open(now: number): void {
    const record = this.#record;
    record.isOpen = true;
    record.isProbing = false;
    record.lastFailureAt = now;
    record.era++;
    this.#tellNow();
  }

  #close(): void {
    const record = this.#record;
    record.isOpen = false;
    record.isProbing = false;
    record.era++;
    this.#forgetFailures();
    this.#services.onClose();
  }

  #settleProbe(verdict: Verdict, now: number): void {
    if (verdict === "success") this.#close();
    else if (verdict === "failure") this.#open(now);
    else {
      this.#record.isProbing = false;
      this.#tellNow();
    }
  }

  #countFailure(now: number): void {
    this.#record.failures++;
    this.#record.lastFailureAt = now;
    if (this.#failures < this.#settings.maxFails) {
      this.#services.onChange?.(false);
      return;
    }
    this.#open(now);
    this.#services.onOpen();
  }

  #settleLate(verdict: Verdict, now: number): void {
    if (verdict !== "failure" || !this.#isOpen || this.#isProbing) return;
    this.#record.lastFailureAt = now;
    this.#services.onChange?.(false);
  }

  #forgetFailures(): void {
    const record = this.#record;
    record.epoch++;
    record.failures = 0;
    record.others = noNews;
    this.#tellNow();
  }

  /** Another process has forgotten the failures, ours among them. */
  #enterEpoch(epoch: number): void {
    const record = this.#record;
    record.epoch = epoch;
    record.failures = 0;
    record.isOpen = false;
    if (record.isProbing) record.era++;
    record.isProbing = false;
  }

  #tellNow(): void {
    this.#services.onChange?.(true);
  }
}
