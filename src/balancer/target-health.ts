/** What the engine knows of one target: may it be used, what is under way, and how did it go so far. */
import type { HttpCall } from "../http/http-call.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Schedule } from "../util/schedule.ts";
import type { Outcome, SharedState, Target, TargetMemory, Telling } from "./balancer.ts";
import { type BreakerRecord, createBreakerRecord } from "./breaker-record.ts";
import {
  type BreakerServices,
  type BreakerSettings,
  type CircuitBreaker,
  createCircuitBreaker,
} from "./circuit-breaker.ts";
import {
  createHealthRecord,
  type HealthCheck,
  type HealthCheckOptions,
  type HealthRecord,
  startHealthCheck,
} from "./health-check.ts";
import { verdictOf } from "./verdict.ts";

export interface TargetHealthOptions extends BreakerSettings {
  /** HTTP statuses among the `failover_criteria`: only these count as failures. */
  readonly countedStatuses: ReadonlySet<number>;
  /** By `Target.index`; a target that is not in it is not checked. */
  readonly healthChecks?: ReadonlyMap<number, HealthCheckOptions>;
}

/** What is needed of the world. Tests pass fakes. */
export interface TargetHealthServices {
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
  readonly schedule: Schedule;
  readonly log: Logger;
  /** Private to this use. */
  readonly memory: TargetMemory;
  /** For health checks; without it none is made. */
  readonly call?: HttpCall;
}

/** `Ticket` is what `begin` gives and `end` takes. */
export interface TargetHealth<Ticket = unknown> {
  readonly breaker: Pick<CircuitBreaker, "state" | "failures" | "retryInMs">;
  /** What the active health check last found; undefined without one. */
  readonly healthy: boolean | undefined;
  readonly inFlight: number;
  /** Attempts ended, and those of them that failed. */
  readonly attempts: number;
  readonly failed: number;
  /** Milliseconds for which its vendor has asked to leave it alone. */
  readonly coolForMs: number;
  /** An attempt may begin; it may still be one that has asked to be left alone. */
  isAvailable(now: number): boolean;
  /** Available, and has not asked to be left alone. */
  isReady(now: number): boolean;
  /** Milliseconds until an attempt may begin; only to be asked of one that is not available. */
  readonly waitMs: number;
  /** An attempt begins; the result is to be handed to `end`, once. */
  begin(): Ticket;
  end(ticket: Ticket, outcome: Outcome): void;
  /** Stops the health check. Attempts under way may still end. */
  close(): void;
}

/** The longest that a vendor's `Retry-After` is heeded. A choice: quotas by the day should not take a target out for a day. */
export const longestCoolMs = 300_000;

/** When to come back while another request tries a target: nobody knows, and `Retry-After` has no smaller step. */
const probeWaitMs = 1_000;

/** All of it that outlives a reload. */
interface TargetRecord {
  readonly breaker: BreakerRecord;
  readonly health: HealthRecord;
  coolUntil: number;
  /** The latest that other processes know of. */
  othersCoolUntil: number;
  inFlight: number;
  attempts: number;
  failed: number;
}

function createRecord(): TargetRecord {
  return {
    breaker: createBreakerRecord(),
    health: createHealthRecord(),
    coolUntil: 0,
    othersCoolUntil: 0,
    inFlight: 0,
    attempts: 0,
    failed: 0,
  };
}

export function createTargetHealth(
  target: Target,
  options: TargetHealthOptions,
  services: TargetHealthServices,
): TargetHealth<number> {
  const { now } = services;
  const record = services.memory.of(target, createRecord);
  const breaker = createTargetBreaker(target, record.breaker, options, {
    ...services,
    onChange: (isUrgent) => (isUrgent ? telling?.changedNow() : telling?.changed()),
  });
  let telling: Telling | undefined; // what is heard at once, while it is made, is told of with the rest
  telling = services.memory.share(target, shareHealth(record, breaker));
  const check = startCheck(target, record.health, options, services);

  const isAvailable = (time: number) =>
    (check === undefined || record.health.isHealthy !== false) && breaker.admits(time);

  return {
    breaker,
    get healthy() {
      return check === undefined ? undefined : record.health.isHealthy;
    },
    get inFlight() {
      return record.inFlight;
    },
    get attempts() {
      return record.attempts;
    },
    get failed() {
      return record.failed;
    },
    get coolForMs() {
      return Math.max(0, coolUntil(record) - now());
    },
    isAvailable,
    isReady: (time) => time >= coolUntil(record) && isAvailable(time),
    get waitMs() {
      const isBeingProbed = !breaker.admits(now()) && breaker.retryInMs === 0;
      return Math.max(isBeingProbed ? probeWaitMs : breaker.retryInMs, check?.retryInMs ?? 0);
    },
    begin() {
      record.inFlight++;
      return breaker.enter();
    },
    end(ticket, outcome) {
      record.inFlight--;
      record.attempts++;
      if (!outcome.ok && outcome.aborted !== true) record.failed++;
      const coolMs = Math.min(outcome.retryAfterMs ?? 0, longestCoolMs);
      if (coolMs > 0) {
        record.coolUntil = Math.max(record.coolUntil, now() + coolMs);
        telling?.changedNow();
      }
      breaker.settle(ticket, verdictOf(outcome, options.countedStatuses));
    },
    close: () => check?.close(),
  };
}

function coolUntil(record: TargetRecord): number {
  return Math.max(record.coolUntil, record.othersCoolUntil);
}

/** A row is the vendor's wish, then the breaker's. Checks and counts stay each process's own. */
function shareHealth(record: TargetRecord, breaker: CircuitBreaker): SharedState {
  return {
    tell: () => [record.coolUntil, ...breaker.tell()],
    hear(heard, delayMs) {
      record.othersCoolUntil = heard.reduce((latest, { row, clockOffsetMs }) => {
        const [until = 0] = row;
        return until === 0 ? latest : Math.max(latest, until + clockOffsetMs);
      }, 0);
      breaker.hear(
        heard.map((each) => ({ ...each, row: each.row.slice(1) })),
        delayMs,
      );
    },
  };
}

function createTargetBreaker(
  target: Target,
  record: BreakerRecord,
  settings: BreakerSettings,
  { now, log, onChange }: TargetHealthServices & Pick<BreakerServices, "onChange">,
): CircuitBreaker {
  const facts = { target: target.name, index: target.index };
  return createCircuitBreaker(record, settings, {
    now,
    ...(onChange !== undefined && { onChange }),
    onOpen: () =>
      log.warn("circuit breaker: the target has failed too often and is left out", {
        ...facts,
        failures: record.failures,
        retryInMs: settings.failTimeoutMs,
      }),
    onClose: () => log.info("circuit breaker: the target has answered and is used again", facts),
  });
}

function startCheck(
  target: Target,
  record: HealthRecord,
  { healthChecks }: TargetHealthOptions,
  { call, now, schedule, random, log }: TargetHealthServices,
): HealthCheck | undefined {
  const options = healthChecks?.get(target.index);
  if (options === undefined || call === undefined) return undefined;
  return startHealthCheck(target.name, options, record, { now, schedule, random, call, log });
}
