/** What is known of one target of an upstream: passive checks, active ones, and what is said by hand say whether it may be used. */
import type { Outcome, SharedState, Target, TargetMemory, Telling } from "../balancer/balancer.ts";
import type { TargetHealth } from "../balancer/target-health.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Schedule } from "../util/schedule.ts";
import {
  type ActiveCheck,
  type ActiveRecord,
  createActiveRecord,
  forgetAnswers,
  startActiveCheck,
} from "./active-check.ts";
import { canRecover, type Healthchecks, isActive } from "./healthchecks.ts";
import { createMarkRecord, ManualMark, type MarkRecord, markLength } from "./manual-mark.ts";
import type { Sign } from "./outcome.ts";
import {
  createPassiveRecord,
  PassiveHealth,
  type PassiveRecord,
  type PassiveTicket,
} from "./passive-checks.ts";

export interface HostHealthServices {
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
  readonly schedule: Schedule;
  readonly log: Logger;
  /** Private to this use. */
  readonly memory: TargetMemory;
  /** Asks the target; without it nobody does. */
  readonly ask?: ((signal: AbortSignal) => Promise<Sign>) | undefined;
}

export interface HostHealth extends TargetHealth<PassiveTicket> {
  /** It is left out, whatever did it; one that requests only try is. */
  readonly isOut: boolean;
  /**
   * Somebody says that it is unhealthy, which takes it out, or healthy, which lets it in. What checks have counted is
   * forgotten. Other processes that share its memory hear of it.
   */
  mark(health: "healthy" | "unhealthy"): void;
}

/** All of it that outlives a reload. */
interface HostRecord {
  readonly mark: MarkRecord;
  readonly passive: PassiveRecord;
  readonly active: ActiveRecord;
  /** Those that run: of the running config, and of one that is made ready beside it. */
  readonly checks: Set<ActiveCheck>;
  inFlight: number;
  attempts: number;
  failed: number;
}

function createRecord(): HostRecord {
  return {
    mark: createMarkRecord(),
    passive: createPassiveRecord(),
    active: createActiveRecord(),
    checks: new Set(),
    inFlight: 0,
    attempts: 0,
    failed: 0,
  };
}

/** While another request tries the target, nobody knows when to come back. */
const triedWaitMs = 1_000;

const sortWords = { http: "bad statuses", tcp: "failed connections", timeout: "timeouts" } as const;

/** Active checks begin at once, and end with `close`. `upstream` is its name, for the log. */
export function createHostHealth(
  upstream: string,
  target: Target,
  checks: Healthchecks,
  services: HostHealthServices,
): HostHealth {
  const { log, now } = services;
  const facts = { upstream, target: target.name };
  const record = services.memory.of(target, createRecord);
  const mark = new ManualMark(record.mark);
  let telling: Telling | undefined; // what is heard at once, while it is made, is told of with the rest
  let check: ActiveCheck | undefined;
  // Whatever happens to the target may come through any config that has it, and concerns the checks of all.
  const changed = () => {
    for (const each of record.checks) each.changed();
  };
  const passive = new PassiveHealth(record.passive, checks.passive, {
    now,
    canRecover: canRecover(checks.active),
    onOpen() {
      log.warn("passive check: the target has failed too often and is left out", facts);
      changed();
    },
    onClose() {
      log.info("passive check: the target is used again", facts);
      changed();
    },
    onChange: (isUrgent) => (isUrgent ? telling?.changedNow() : telling?.changed()),
  });
  const applyMark = () => {
    forgetAnswers(record.active);
    if (mark.isOut) return;
    record.active.isOut = false;
    passive.reset();
  };
  telling = services.memory.share(
    target,
    share(mark, passive, (isMarked) => {
      if (isMarked) applyMark();
      changed();
    }),
  );
  if (services.ask !== undefined && isActive(checks.active)) {
    check = startActiveCheck(checks.active, record.active, {
      ...services,
      ask: services.ask,
      isOutOtherwise: () => mark.isOut || passive.isOut,
      onOut(sort) {
        log.warn("active check: the target is left out", { ...facts, reason: sortWords[sort] });
        changed();
      },
      onBack() {
        log.info("active check: the target is well and used again", facts);
        passive.reset();
        if (mark.isOut) {
          mark.set(false);
          telling?.changedNow();
        }
        changed();
      },
    });
    record.checks.add(check);
  }
  // Without checks, what they once found says nothing any more.
  const isKeptOut = () => mark.isOut || (check !== undefined && record.active.isOut);
  const isOut = () => isKeptOut() || passive.isOut;
  const isAvailable = (time: number) => !isKeptOut() && passive.admits(time);

  const waitMs = () => {
    if (mark.isOut) return check?.retryInMs ?? Number.POSITIVE_INFINITY;
    const ownMs = passive.admits(now()) ? 0 : passive.retryInMs || triedWaitMs;
    return Math.max(Number.isFinite(ownMs) ? ownMs : 0, check?.retryInMs ?? 0);
  };

  return {
    breaker: {
      get state() {
        return mark.isOut ? "open" : passive.state;
      },
      get failures() {
        return passive.failures;
      },
      get retryInMs() {
        const ms = waitMs();
        return Number.isFinite(ms) ? ms : 0;
      },
    },
    get healthy() {
      return check === undefined ? undefined : !isOut();
    },
    get isOut() {
      return isOut();
    },
    mark(health) {
      mark.set(health === "unhealthy");
      applyMark();
      changed();
      telling?.changedNow();
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
    coolForMs: 0,
    isAvailable,
    isReady: isAvailable,
    get waitMs() {
      return waitMs();
    },
    begin() {
      record.inFlight++;
      return passive.begin();
    },
    end(ticket: PassiveTicket, outcome: Outcome) {
      record.inFlight--;
      record.attempts++;
      if (!outcome.ok && outcome.aborted !== true) record.failed++;
      passive.end(ticket, outcome);
    },
    close() {
      if (check === undefined) return;
      record.checks.delete(check);
      check.close();
    },
  };
}

/** Workers count failures together, and what is said by hand holds in all. Active checks and the other counts stay each one's own. */
function share(mark: ManualMark, passive: PassiveHealth, onHeard: (isMarked: boolean) => void): SharedState {
  return {
    tell: () => [...mark.tell(), ...passive.tell()],
    hear(heard, delayMs) {
      passive.hear(
        heard.map((each) => ({ ...each, row: each.row.slice(markLength) })),
        delayMs,
      );
      onHeard(mark.hear(heard));
    },
  };
}
