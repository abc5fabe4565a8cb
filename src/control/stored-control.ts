/** A control plane over a store: entities are changed through it, kept, and shared with other gateways. */

import { formatProblem } from "../config/problem.ts";
import type { AuditChange, ConfigStore } from "../config-store/config-store.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Schedule } from "../util/schedule.ts";
import { StoreError } from "../util/store-error.ts";
import { auditOf } from "./audit.ts";
import type { Change } from "./change.ts";
import { type Checked, type CheckOptions, checkEntities, checkOrMend } from "./check.ts";
import type { Asker, ControlPlane } from "./control-plane.ts";
import { type EntityRecord, EntitySet } from "./entity-set.ts";
import { hashOf } from "./hash.ts";
import type { Kind } from "./kinds.ts";
import { createPluginSchemas } from "./plugin-schemas.ts";
import { notCarriedOut, Refusal } from "./refusal.ts";
import { type Covers, covered } from "./secrets.ts";
import { createSharedMarks, type MarkHere, type SharedMarks } from "./shared-marks.ts";

/** Has the gateway take a config; `beforeCommit` runs once it is ready to, and may still stop it by rejecting. */
export type Apply = (next: Checked, beforeCommit: () => Promise<void>) => Promise<void>;

export interface StoredControlOptions extends CheckOptions {
  readonly store: ConfigStore;
  readonly apply: Apply;
  readonly markHere: MarkHere;
  /** This gateway: no two that ever lived share it. */
  readonly gateway: string;
  readonly covers: Covers;
  readonly log: Logger;
  readonly wallClock: () => number;
  readonly schedule: Schedule;
}

export interface StoredControl extends ControlPlane, Pick<SharedMarks, "mark"> {
  /** What the store has, checked; undefined, with `fault` set, where it cannot be served. Rejects when it cannot be read. */
  open(): Promise<Checked | undefined>;
  /** Looks for changes by others, and for targets that they mark, from now on. */
  watch(): void;
  /** Takes what the store has now. Rejects with what keeps it from being served. */
  refresh(): Promise<void>;
  close(): Promise<void>;
}

/** A change by another gateway is to be seen within a second. */
const pollMs = 500;

/** What cannot be served for a reason outside, such as workers that are being replaced, is tried again every ten seconds. */
const pollsPerRetry = 20;

/**
 * Others can be faster, again and again where two pipelines bring files to two gateways: each attempt loses to a steady
 * writer about every other time (measured), so that so many never all do.
 */
const maxAttempts = 50;

export function createStoredControl(options: StoredControlOptions): StoredControl {
  const { apply, log, schedule, store, wallClock } = options;
  const plugins = createPluginSchemas(options.plugins);
  const show = (kind: Kind, record: EntityRecord) => covered(kind, record, plugins, options.covers);
  const closing = new AbortController();
  const { signal } = closing;
  const marks = createSharedMarks({ ...options, signal });
  let entities = EntitySet.empty;
  let version = 0;
  let hash: string | undefined;
  let fault: string | undefined;
  let last: Promise<unknown> = Promise.resolve();
  let cancelPoll: () => void = () => undefined;
  let outage: string | undefined;
  let pollsUntilRetry = pollsPerRetry;

  /** One after the other. */
  function inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
    const done = last.then(work);
    last = done.catch(() => undefined);
    return done;
  }

  function take(next: { readonly version: number; readonly entities: EntitySet }): void {
    ({ entities, version } = next);
    hash = undefined;
  }

  async function read() {
    const found = await store.read(signal);
    return { version: found.version, entities: EntitySet.of(found.entities) };
  }

  /**
   * Takes the entities in any case, so that whoever mends them sees them; what keeps them from being served is `fault`
   * then. Rejects when the store cannot be read.
   */
  async function catchUp(): Promise<void> {
    take(await read());
    await serve();
  }

  async function serve(): Promise<void> {
    try {
      await apply(checkEntities(entities, [], options), async () => undefined);
      fault = undefined;
    } catch (error) {
      fault = reasonOf(error);
    }
  }

  /**
   * Made again on top of what another gateway was faster with. That is served only where the change comes to nothing:
   * whoever does it before each attempt takes twice as long as the other, and is overtaken again.
   */
  async function changeOnTop(asker: Asker, plan: (set: EntitySet) => Change): Promise<Change> {
    let isBehind = false;
    try {
      for (let count = 0; count < maxAttempts; count++) {
        const change = await attempt(asker, plan).catch(unlessOvertaken);
        if (change !== undefined) {
          isBehind &&= isEmpty(change);
          return change;
        }
        take(
          await read().catch((error: unknown) => {
            throw notCarriedOut("nothing was changed", error);
          }),
        );
        isBehind = true;
      }
      throw new Refusal("database_error", "other gateways change the configuration all the time; try again");
    } finally {
      if (isBehind) await serve();
    }
  }

  async function attempt(asker: Asker, plan: (set: EntitySet) => Change): Promise<Change> {
    const change = plan(entities);
    const { put, removed } = change;
    if (isEmpty(change)) return change;
    const next = entities.with(put, removed);
    const { checked, remaining } = checkOrMend(
      { before: entities, next, touched: [...put, ...removed] },
      options,
    );
    const audit = { timeMs: wallClock(), ...asker, changes: auditOf(entities, change, show) };
    const failure = await carryOut(checked, async () => {
      const written = await store.write({ expected: version, put, remove: removed, audit }, signal);
      if (written === "conflict") throw new OvertakenError();
      take({ version: written, entities: next });
    });
    fault = failure ?? remaining;
    log.info("configuration changed", { ...asker, version, changes: audit.changes.map(shortly) });
    for (const problem of checked?.problems ?? []) log.info(formatProblem(problem));
    if (fault !== undefined) log.error("what is configured cannot be served", { version, reason: fault });
    return change;
  }

  /**
   * Rejects where nothing was kept. Resolves with why the gateway did not take what was, where it did not: it is
   * configured then, so an error would be wrong.
   */
  async function carryOut(
    checked: Checked | undefined,
    keep: () => Promise<void>,
  ): Promise<string | undefined> {
    let isKept = false;
    const keepOnce = async () => {
      await keep();
      isKept = true;
    };
    try {
      await (checked === undefined ? keepOnce() : apply(checked, keepOnce));
      return undefined;
    } catch (error) {
      if (isKept) return reasonOf(error);
      throw error instanceof Refusal || error instanceof OvertakenError ? error : refused(error);
    }
  }

  function poll(): void {
    cancelPoll = schedule(pollMs, () => {
      void inTurn(lookForChanges).finally(() => {
        if (!signal.aborted) poll();
      });
    });
  }

  async function lookForChanges(): Promise<void> {
    if (signal.aborted) return;
    try {
      const news = await store.news(marks.after, signal);
      if (outage !== undefined) log.info("the config store answers again", { place: store.place });
      outage = undefined;
      const before = { version, fault };
      if (news.version !== version || isRetryDue()) {
        await catchUp();
        tellWhatCame(before);
      }
      await marks.hear(news);
    } catch (error) {
      if (signal.aborted) return;
      if (outage === undefined)
        log.warn("the config store does not answer; the gateway serves what it has", {
          reason: reasonOf(error),
        });
      outage = reasonOf(error);
    }
  }

  function isRetryDue(): boolean {
    pollsUntilRetry = fault === undefined || pollsUntilRetry === 0 ? pollsPerRetry : pollsUntilRetry;
    return fault !== undefined && --pollsUntilRetry === 0;
  }

  function tellWhatCame(before: { readonly version: number; readonly fault: string | undefined }): void {
    if (version === before.version && fault === before.fault) return;
    if (fault !== undefined) log.error("what is configured cannot be served", { version, reason: fault });
    else if (version === before.version) log.info("what is configured can be served now", { version });
    else log.info("configuration changed by another gateway", { version });
  }

  return {
    isWritable: true,
    place: store.place,
    get entities() {
      return entities;
    },
    get hash() {
      hash ??= hashOf(entities);
      return hash;
    },
    get fault() {
      return fault;
    },
    get outage() {
      return outage;
    },
    change: (asker, plan) => inTurn(() => changeOnTop(asker, plan)),
    replaceAll: () =>
      Promise.reject(
        new Refusal(
          "unsupported",
          "this endpoint is only available when Sluice is not using a database (start it with -c FILE)",
        ),
      ),
    audit: (page) =>
      store.audit(page, signal).catch((error: unknown) => {
        throw notCarriedOut("the record of changes cannot be read", error);
      }),
    open: () =>
      inTurn(async () => {
        await marks.hear(await store.news(marks.after, signal));
        take(await read());
        try {
          return checkEntities(entities, [], options);
        } catch (error) {
          if (!(error instanceof Refusal)) throw error;
          fault = error.message;
          return undefined;
        }
      }),
    mark: marks.mark,
    watch: poll,
    refresh: () =>
      inTurn(async () => {
        await catchUp();
        if (fault !== undefined) throw new Error(fault);
      }),
    async close() {
      cancelPoll();
      closing.abort(new Error("the gateway is stopping"));
      await last;
      await store.close();
    },
  };
}

/** Another gateway wrote between our reading and our writing. */
class OvertakenError extends Error {}

function unlessOvertaken(error: unknown): undefined {
  if (!(error instanceof OvertakenError)) throw error;
}

function isEmpty({ put, removed }: Change): boolean {
  return put.length === 0 && removed.length === 0;
}

function refused(cause: unknown): Refusal {
  // A line that is cut while the store writes leaves open what became of it; the next poll finds out.
  const isOpen = cause instanceof StoreError && cause.kind === "unreachable";
  return notCarriedOut(
    isOpen ? "look whether it took place before you repeat it" : "nothing was changed",
    cause,
  );
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function shortly({ id, kind, operation }: AuditChange): string {
  return `${operation} ${kind} ${id}`;
}
