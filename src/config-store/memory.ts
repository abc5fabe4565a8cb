/** The configuration in the process. */
import { callerLeft, storeClosed } from "../util/store-error.ts";
import {
  type Announcement,
  type AuditEntry,
  type ConfigStore,
  type ConfigWrite,
  defineConfigStore,
  keptAnnouncements,
  keptChanges,
  type StoredEntity,
} from "./config-store.ts";
import { keepable } from "./keepable.ts";
import { checkKeys, keyText } from "./keys.ts";

/** What the stores of one memory share. */
export interface Memory {
  version: number;
  /** As JSON, so that nobody changes what was written. */
  readonly entities: Map<string, string>;
  /** As JSON, oldest first. */
  changes: readonly string[];
  /** Oldest first. */
  announcements: readonly Announcement[];
}

export function createMemory(): Memory {
  return { version: 0, entities: new Map(), changes: [], announcements: [] };
}

export const memory = defineConfigStore({
  name: "memory",
  summary: "Keeps the configuration in the process, and no longer than it.",
  create: () => openMemory(createMemory()),
});

/** A store of what is in a memory, beside others. */
export function openMemory(content: Memory): ConfigStore {
  const place = "memory";
  let isClosed = false;
  const call = async <Value>(signal: AbortSignal, work: () => Value): Promise<Value> => {
    if (isClosed) throw storeClosed(place);
    if (signal.aborted) throw callerLeft(place);
    return work();
  };
  return {
    place,
    news: (after, signal) =>
      call(signal, () => ({
        version: content.version,
        last: content.announcements.at(-1)?.number ?? 0,
        announcements: content.announcements.filter(({ number }) => number > after),
      })),
    read: (signal) => call(signal, () => ({ version: content.version, entities: sorted(content.entities) })),
    write: (write, signal) =>
      call(signal, () => {
        checkKeys(write, place);
        return writeTo(content, write);
      }),
    announce: (announcement, signal) =>
      call(signal, () => {
        const number = (content.announcements.at(-1)?.number ?? 0) + 1;
        const { body, sender } = announcement;
        const told = { ...announcement, body: keepable(body), sender: keepable(sender), number };
        const all = [...content.announcements, told];
        content.announcements = all.slice(-keptAnnouncements);
        return number;
      }),
    audit: ({ before = Number.POSITIVE_INFINITY, limit }, signal) =>
      call(signal, () =>
        content.changes
          .map((json): AuditEntry => JSON.parse(json)) // written by ourselves
          .filter(({ version }) => version < before)
          .toReversed()
          .slice(0, limit),
      ),
    async close() {
      isClosed = true;
    },
  };
}

function sorted(entities: Memory["entities"]): readonly StoredEntity[] {
  return [...entities.keys()].sort().map((key) => JSON.parse(entities.get(key) ?? "null"));
}

function writeTo(content: Memory, { expected, put, remove, audit }: ConfigWrite): number | "conflict" {
  if (expected !== content.version) return "conflict";
  for (const key of remove) content.entities.delete(keyText(key));
  for (const { kind, id, record } of put)
    content.entities.set(keyText({ kind, id }), JSON.stringify({ kind, id, record }));
  content.version += 1;
  const { actor, source } = audit;
  const entry: AuditEntry = {
    ...audit,
    actor: keepable(actor),
    source: keepable(source),
    version: content.version,
  };
  content.changes = [...content.changes, JSON.stringify(entry)].slice(-keptChanges);
  return content.version;
}
