/** Everything that is configured, at one moment: entities in full, by kind and id. Never changed, only replaced. */
import { lookupKey } from "../util/uuid.ts";
import type { Kind } from "./kinds.ts";

/** An entity in full; the values are those of JSON. Fields that refer to another entity hold `{ id }` or null. */
export interface EntityRecord extends Readonly<Record<string, unknown>> {
  readonly id: string;
  /** Seconds since 1970. */
  readonly created_at: number;
  readonly updated_at: number;
}

/** That a consumer is in a group. */
export interface Membership {
  readonly consumer: string;
  readonly group: string;
}

/** One thing that is to be kept, or no longer. */
export interface Stored {
  /** An entity's name, or `membershipKind`. */
  readonly kind: string;
  readonly id: string;
}

export interface StoredRecord extends Stored {
  readonly record: Readonly<Record<string, unknown>>;
}

export const membershipKind = "consumer_group_consumer";

export class EntitySet {
  static readonly empty = new EntitySet(new Map());

  /** Kind → id → record, in the order they came. */
  readonly #records: ReadonlyMap<string, ReadonlyMap<string, Readonly<Record<string, unknown>>>>;

  private constructor(records: ReadonlyMap<string, ReadonlyMap<string, Readonly<Record<string, unknown>>>>) {
    this.#records = records;
  }

  /** Later ones replace earlier ones with the same kind and id. */
  static of(stored: Iterable<StoredRecord>): EntitySet {
    return EntitySet.empty.with([...stored], []);
  }

  /** In the order they came. */
  list({ name }: Pick<Kind, "name">): readonly EntityRecord[] {
    return [...(this.#records.get(name)?.values() ?? [])] as EntityRecord[]; // what is put under a kind is one of it
  }

  get({ name }: Pick<Kind, "name">, id: string): EntityRecord | undefined {
    return this.#records.get(name)?.get(lookupKey(id)) as EntityRecord | undefined; // as above
  }

  /** By id, or else by name. */
  find(kind: Kind, idOrName: string): EntityRecord | undefined {
    const found = this.get(kind, idOrName);
    const { nameField } = kind;
    if (found !== undefined || nameField === undefined) return found;
    return this.list(kind).find((record) => record[nameField] === idOrName);
  }

  /** Those whose field leads to an entity. */
  referring(kind: Kind, field: string, id: string): readonly EntityRecord[] {
    return this.list(kind).filter((record) => idIn(record[field]) === id);
  }

  memberships(): readonly Membership[] {
    const records = this.#records.get(membershipKind)?.values() ?? [];
    return [...records].map((record) => ({
      consumer: idIn(record["consumer"]) ?? "",
      group: idIn(record["consumer_group"]) ?? "",
    }));
  }

  /** Everything, kind by kind. */
  all(): readonly StoredRecord[] {
    return [...this.#records].flatMap(([kind, records]) =>
      [...records].map(([id, record]) => ({ kind, id, record })),
    );
  }

  with(put: readonly StoredRecord[], removed: readonly Stored[]): EntitySet {
    const next = new Map(this.#records);
    const touched = new Map<string, Map<string, Readonly<Record<string, unknown>>>>();
    const writable = (kind: string) => {
      const records = touched.get(kind) ?? new Map(next.get(kind));
      touched.set(kind, records);
      next.set(kind, records);
      return records;
    };
    for (const { kind, id } of removed) writable(kind).delete(id);
    for (const { kind, id, record } of put) writable(kind).set(id, Object.freeze(record));
    return new EntitySet(next);
  }
}

/** What a field refers to. */
export function idIn(reference: unknown): string | undefined {
  if (typeof reference !== "object" || reference === null || !("id" in reference)) return undefined;
  return typeof reference.id === "string" ? reference.id : undefined;
}

export function membershipOf({ consumer, group }: Membership): StoredRecord {
  const record = { consumer: { id: consumer }, consumer_group: { id: group } };
  return { kind: membershipKind, id: `${group}:${consumer}`, record };
}
