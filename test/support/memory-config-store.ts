/** A config store in memory that several gateways may share, and that fails when a test says so. */
import type {
  Announcement,
  AuditEntry,
  ConfigStore,
  ConfigWrite,
  EntityKey,
  StoredEntity,
} from "../../src/config-store/config-store.ts";
import { checkKeys } from "../../src/config-store/keys.ts";

export interface MemoryConfigStore extends ConfigStore {
  /** What every call rejects with from now on; undefined: nothing. */
  failure: Error | undefined;
  /** Runs before the next write or announcement, once: what another gateway does meanwhile. */
  beforeWrite: (() => Promise<void>) | undefined;
  /** Times it has been read, and written. */
  readonly reads: number;
  readonly writes: number;
  /** A change by another gateway. */
  writeElsewhere(change: {
    readonly put?: readonly StoredEntity[];
    readonly remove?: readonly EntityKey[];
  }): void;
  /** What another gateway tells. */
  announceElsewhere(announcement: Omit<Announcement, "number">): void;
  /** Puts back what there was after so many announcements. */
  restore(announcements: number): void;
}

export function createMemoryConfigStore(): MemoryConfigStore {
  const kept = new Map<string, StoredEntity>();
  const log: AuditEntry[] = [];
  const announced: Announcement[] = [];
  let version = 0;
  let reads = 0;
  let writes = 0;

  function keep({ audit, put, remove }: Omit<ConfigWrite, "expected">): number {
    for (const { id, kind } of remove) kept.delete(`${kind} ${id}`);
    // What a store gives back is never the object that it was given.
    for (const each of put) kept.set(`${each.kind} ${each.id}`, structuredClone(each));
    version += 1;
    log.unshift({ version, ...audit });
    return version;
  }

  function tell(announcement: Omit<Announcement, "number">): number {
    return announced.push({ ...announcement, number: announced.length + 1 });
  }

  const store: MemoryConfigStore = {
    failure: undefined,
    beforeWrite: undefined,
    place: "memory",
    get reads() {
      return reads;
    },
    get writes() {
      return writes;
    },
    writeElsewhere({ put = [], remove = [] }) {
      keep({ put, remove, audit: { timeMs: 0, actor: "elsewhere", source: "elsewhere", changes: [] } });
    },
    announceElsewhere: (announcement) => tell(announcement),
    restore(announcements) {
      announced.length = announcements;
    },
    async news(after) {
      if (store.failure !== undefined) throw store.failure;
      const news = announced.filter(({ number }) => number > after);
      return { version, last: announced.length, announcements: news };
    },
    async announce(announcement) {
      const meanwhile = store.beforeWrite;
      store.beforeWrite = undefined;
      await meanwhile?.();
      if (store.failure !== undefined) throw store.failure;
      return tell(announcement);
    },
    async read() {
      if (store.failure !== undefined) throw store.failure;
      reads += 1;
      return { version, entities: structuredClone([...kept.values()]) };
    },
    async write(write) {
      const meanwhile = store.beforeWrite;
      store.beforeWrite = undefined;
      await meanwhile?.();
      if (store.failure !== undefined) throw store.failure;
      checkKeys(write, store.place);
      if (write.expected !== version) return "conflict";
      writes += 1;
      return keep(write);
    },
    async audit({ before = Number.POSITIVE_INFINITY, limit }) {
      return log.filter((entry) => entry.version < before).slice(0, limit);
    },
    close: async () => undefined,
  };
  return store;
}
