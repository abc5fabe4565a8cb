/** Active health check of one target: asks an address at intervals, so that no request has to find out. Not Kong's. */
import { type HttpCall, HttpCallError } from "../http/http-call.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Schedule } from "../util/schedule.ts";

export interface HealthCheckOptions {
  /** Asked with GET, without credentials. */
  readonly url: string;
  /** Between the end of one check and the beginning of the next; varied by ±10 % so that nodes do not fall into step. */
  readonly intervalMs: number;
  /** Bound on one check, from connecting to the last byte. */
  readonly timeoutMs: number;
  /** Failed checks in a row that make the target unhealthy. */
  readonly unhealthyAfter: number;
  /** Good checks in a row that make an unhealthy target healthy again. */
  readonly healthyAfter: number;
  /** Statuses that are good; default: all below 500, as a 401 or 404 too comes from a server that is up. */
  readonly expectedStatuses?: readonly number[];
}

/** What is remembered of a target's checks across reloads. */
export interface HealthRecord {
  /** Undefined until the first good check, or until enough have failed; then the target is used. */
  isHealthy: boolean | undefined;
  /** Checks in a row that spoke against `isHealthy`. */
  contrary: number;
}

export function createHealthRecord(): HealthRecord {
  return { isHealthy: undefined, contrary: 0 };
}

export interface HealthCheckServices {
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  readonly schedule: Schedule;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
  readonly call: HttpCall;
  readonly log: Logger;
}

export interface HealthCheck {
  /** Milliseconds until the checks can have found an unhealthy target healthy; 0 unless unhealthy. */
  readonly retryInMs: number;
  /** Cancels a check under way; nothing is written to the record afterwards. */
  close(): void;
}

/** The first check comes within this time, spread so that a start does not ask all targets at once. A choice. */
const firstWithinMs = 1_000;

/** Begins to check; `name` is the target's, for the log. */
export function startHealthCheck(
  name: string,
  options: HealthCheckOptions,
  record: HealthRecord,
  services: HealthCheckServices,
): HealthCheck {
  const { now, schedule, random, log } = services;
  const closing = new AbortController();
  let nextAt = 0;
  let cancelNext: () => void = () => undefined;

  function plan(delayMs: number): void {
    nextAt = now() + delayMs;
    cancelNext = schedule(delayMs, () => void check());
  }

  async function check(): Promise<void> {
    const problem = await ask(options, services.call, closing.signal);
    if (closing.signal.aborted) return;
    learn(problem);
    plan(options.intervalMs * (0.9 + 0.2 * random()));
  }

  function learn(problem: string | undefined): void {
    const isGood = problem === undefined;
    if (record.isHealthy === isGood) {
      record.contrary = 0;
      return;
    }
    if (record.isHealthy === undefined && isGood) {
      record.isHealthy = true;
      record.contrary = 0;
      return;
    }
    record.contrary++;
    if (record.contrary < (isGood ? options.healthyAfter : options.unhealthyAfter)) return;
    record.isHealthy = isGood;
    record.contrary = 0;
    if (isGood) log.info("health check: the target is healthy again and used again", { target: name });
    else log.warn("health check: the target is unhealthy and left out", { target: name, reason: problem });
  }

  plan(random() * Math.min(options.intervalMs, firstWithinMs));
  return {
    get retryInMs() {
      if (record.isHealthy !== false) return 0;
      const further = Math.max(0, options.healthyAfter - record.contrary - 1);
      return Math.max(1, nextAt - now()) + further * options.intervalMs;
    },
    close() {
      cancelNext();
      closing.abort(new Error("the health check was closed"));
    },
  };
}

/** What is wrong with the target, in words without its address, which may hold a key; undefined: nothing. Never rejects. */
async function ask(
  options: HealthCheckOptions,
  call: HttpCall,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { url, timeoutMs, expectedStatuses } = options;
  try {
    const { status } = await call({ method: "GET", url, headers: {}, signal, timeoutMs });
    const isExpected = expectedStatuses === undefined ? status < 500 : expectedStatuses.includes(status);
    return isExpected ? undefined : `answered ${status}`;
  } catch (error) {
    return error instanceof HttpCallError ? error.message : `could not be asked (${nameOf(error)})`;
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}
