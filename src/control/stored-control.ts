/** A control plane over a store: entities are changed through it, kept, and shared with other gateways. */

import { formatProblem } from "../config/problem.ts";
import type { AuditChange, ConfigStore } from "../config-store/config-store.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Schedule } from "../util/schedule.ts";
import type { Change } from "./change.ts";
import { type Checked, type CheckOptions, checkEntities } from "./check.ts";
import type { Asker, ControlPlane } from "./control-plane.ts";
import { EntitySet, type Stored, type StoredRecord } from "./entity-set.ts";
import { hashOf } from "./hash.ts";
import { kinds } from "./kinds.ts";
import { createPluginSchemas } from "./plugin-schemas.ts";
import { Refusal } from "./refusal.ts";
import { type Covers, covered } from "./secrets.ts";

/** Has the gateway take a config; `beforeCommit` runs once it is ready to, and may still stop it by rejecting. */
export type Apply = (next: Checked, beforeCommit: () => Promise<void>) => Promise<void>;

export interface StoredControlOptions extends CheckOptions {
  readonly store: ConfigStore;
  readonly apply: Apply;
  readonly covers: Covers;
  readonly log: Logger;
  readonly wallClock: () => number;
  readonly schedule: Schedule;
}

export interface StoredControl extends ControlPlane {
  /** What the store has, checked; undefined, with `fault` set, where it cannot be served. Rejects when it cannot be read. */
  open(): Promise<Checked | undefined>;
  /** Looks for changes by others from now on. */
  watch(): void;
  /** Takes what the store has now. Rejects with what keeps it from being served. */
  refresh(): Promise<void>;
  close(): Promise<void>;
}

/** A change by another gateway is to be seen within a second. */
const pollMs = 500;

/** Others can be faster, but not again and again. */
const maxAttempts = 8;

export function createStoredControl(options: StoredControlOptions): StoredControl {
  const { apply, log, schedule, store, wallClock } = options;
  const plugins = createPluginSchemas(options.plugins);
  const closing = new AbortController();
  const { signal } = closing;
  let entities = EntitySet.empty;
  let version = 0;
  let hash: string | undefined;
  let fault: string | undefined;
  let last: Promise<unknown> = Promise.resolve();
  let cancelPoll: () => void = () => undefined;
  let outage: string | undefined;

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

  function check(set: EntitySet, touched: readonly Stored[]): Checked {
    return checkEntities(set, touched, options);
  }

  /**
   * Takes the entities in any case, so that whoever mends them sees them; what keeps them from being served is `fault`
   * then. Rejects when the store cannot be read.
   */
  async function catchUp(): Promise<void> {
    const next = await read();
    take(next);
    try {
      await apply(check(next.entities, []), async () => undefined);
      fault = undefined;
    } catch (error) {
      fault = reasonOf(error);
    }
  }

  async function attempt(asker: Asker, plan: (set: EntitySet) => Change): Promise<Change | undefined> {
    const change = plan(entities);
    const { put, removed } = change;
    if (put.length === 0 && removed.length === 0) return change;
    const next = entities.with(put, removed);
    const checked = check(next, [...put, ...removed]);
    const changes = auditOf(entities, put, removed);
    try {
      await apply(checked, async () => {
        const audit = { timeMs: wallClock(), ...asker, changes };
        const written = await store.write({ expected: version, put, remove: removed, audit }, signal);
        if (written === "conflict") throw new OvertakenError();
        take({ version: written, entities: next });
      });
    } catch (error) {
      if (error instanceof OvertakenError) return undefined;
      throw error instanceof Refusal ? error : refused(error);
    }
    fault = undefined;
    log.info("configuration changed", { ...asker, version, changes: changes.map(shortly) });
    for (const problem of checked.problems) log.info(formatProblem(problem));
    return change;
  }

  function auditOf(
    before: EntitySet,
    put: readonly StoredRecord[],
    removed: readonly Stored[],
  ): readonly AuditChange[] {
    const was = ({ id, kind }: Stored) => before.get({ name: kind }, id);
    return [
      ...removed.map((key) => auditChange("delete", key, was(key), undefined)),
      ...put.map((stored) => {
        const earlier = was(stored);
        return auditChange(earlier === undefined ? "create" : "update", stored, earlier, stored.record);
      }),
    ];
  }

  function auditChange(
    operation: AuditChange["operation"],
    { id, kind }: Stored,
    before: object | undefined,
    after: object | undefined,
  ): AuditChange {
    const known = kinds.find(({ name }) => name === kind);
    const shown = (record: object | undefined) =>
      record === undefined || known === undefined
        ? record
        : covered(known, record as Readonly<Record<string, unknown>>, plugins, options.covers); // an entity
    return {
      operation,
      kind,
      id,
      ...(before !== undefined && { before: shown(before) ?? {} }),
      ...(after !== undefined && { after: shown(after) ?? {} }),
    };
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
      const found = await store.version(signal);
      if (outage !== undefined) log.info("the config store answers again", { place: store.place });
      outage = undefined;
      if (found === version) return;
      await catchUp();
      if (fault === undefined) log.info("configuration changed by another gateway", { version });
      else log.error("what another gateway configured cannot be served here", { version, reason: fault });
    } catch (error) {
      if (signal.aborted) return;
      if (outage === undefined)
        log.warn("the config store does not answer; the gateway serves what it has", {
          reason: reasonOf(error),
        });
      outage = reasonOf(error);
    }
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
    change: (asker, plan) =>
      inTurn(async () => {
        for (let count = 0; count < maxAttempts; count++) {
          const done = await attempt(asker, plan);
          if (done !== undefined) return done;
          await catchUp();
        }
        throw new Refusal(
          "database_error",
          "other gateways change the configuration all the time; try again",
        );
      }),
    replaceAll: () =>
      Promise.reject(
        new Refusal(
          "unsupported",
          "this endpoint is only available when Sluice is not using a database (start it with -c FILE)",
        ),
      ),
    audit: (page) => store.audit(page, signal),
    open: () =>
      inTurn(async () => {
        take(await read());
        try {
          return check(entities, []);
        } catch (error) {
          if (!(error instanceof Refusal)) throw error;
          fault = error.message;
          return undefined;
        }
      }),
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

function refused(cause: unknown): Refusal {
  return new Refusal("database_error", `nothing was changed: ${reasonOf(cause)}`, undefined, { cause });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function shortly({ id, kind, operation }: AuditChange): string {
  return `${operation} ${kind} ${id}`;
}
