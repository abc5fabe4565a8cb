/** Entities, and a control plane over a store in memory, as tests change them. */
import type { Config } from "../../src/config/config.ts";
import type { ChangeContext } from "../../src/control/change.ts";
import { completeRecord } from "../../src/control/document.ts";
import type { EntityRecord, StoredRecord } from "../../src/control/entity-set.ts";
import { kindOf } from "../../src/control/kinds.ts";
import { createPluginSchemas } from "../../src/control/plugin-schemas.ts";
import { createCovers } from "../../src/control/secrets.ts";
import {
  createStoredControl,
  type StoredControl,
  type StoredControlOptions,
} from "../../src/control/stored-control.ts";
import { plugins } from "../../src/plugins/index.ts";
import { createFakeClock, type FakeClock } from "./fake-clock.ts";
import { createMemoryConfigStore, type MemoryConfigStore } from "./memory-config-store.ts";
import { createRecordingLogger } from "./recording-logger.ts";

export const pluginSchemas = createPluginSchemas(plugins);
export const covers = createCovers("key of the tests");

/** The time of every test, in seconds. */
export const testNow = 1_700_000_000;

/** Ids that tests can tell apart at a glance. */
export function idNumbered(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
}

/** Ids made up are 1, 2, … each time. */
export function createContext(more: Partial<ChangeContext> = {}): ChangeContext {
  let count = 0;
  return {
    now: testNow,
    newId: () => idNumbered(++count),
    newSecret: () => `made-up-${++count}`,
    plugins: pluginSchemas,
    covers: covers.covers,
    ...more,
  };
}

/** An entity in full, as a store has it. */
export function stored(
  kind: string,
  number: number,
  fields: Readonly<Record<string, unknown>> = {},
): StoredRecord & { readonly record: EntityRecord } {
  const id = idNumbered(number);
  const given = { id, created_at: testNow, updated_at: testNow, ...fields };
  return { kind, id, record: completeRecord(kindOf(kind), given, pluginSchemas) as EntityRecord }; // has what one has
}

/** A control plane, the store it is over, and what its gateway runs. */
export interface ControlWorld {
  readonly control: StoredControl;
  readonly store: MemoryConfigStore;
  readonly clock: FakeClock;
  readonly log: ReturnType<typeof createRecordingLogger>;
  /** Every config the gateway has taken. */
  readonly taken: readonly Config[];
  /** What has been marked in the gateway, and by whom. */
  readonly marked: readonly Parameters<StoredControlOptions["markHere"]>[];
  /** What the gateway refuses the next configs and marks with; undefined: it takes them. */
  refusal: Error | undefined;
}

export function createControl(
  options: Partial<StoredControlOptions> & { readonly store?: MemoryConfigStore } = {},
): ControlWorld {
  const store = options.store ?? createMemoryConfigStore();
  const clock = createFakeClock();
  const log = createRecordingLogger();
  const taken: Config[] = [];
  const marked: ControlWorld["marked"][number][] = [];
  const control = createStoredControl({
    apply: async ({ config }, beforeCommit) => {
      if (world.refusal !== undefined) throw world.refusal;
      await beforeCommit();
      taken.push(config);
    },
    gateway: "this one",
    async markHere(mark, by) {
      if (world.refusal !== undefined) throw world.refusal;
      marked.push([mark, by]);
      return true;
    },
    covers,
    log,
    env: {},
    plugins,
    wallClock: () => testNow * 1000,
    schedule: clock.schedule,
    ...options,
    store,
  });
  const world: ControlWorld = { control, store, clock, log, taken, marked, refusal: undefined };
  return world;
}
