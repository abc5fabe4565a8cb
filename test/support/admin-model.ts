/** What the admin API does, told naively: plain maps, no shortcuts, nothing shared with the real one. */

type Value = string | number | null | { readonly id: string };
export type ModelRecord = Readonly<Record<string, Value>>;

export interface ModelRequest {
  readonly method: "POST" | "PUT" | "PATCH" | "DELETE";
  readonly kind: ModelKind;
  /** Id or name; of no meaning to a POST. */
  readonly key: string;
  readonly fields: ModelRecord;
}

interface KindFacts {
  readonly collection: string;
  readonly nameField?: string;
  /** What it may be called besides, by which it is not found. */
  readonly ownName?: string;
  /** Field → what it has where it is left out. */
  readonly fields: Readonly<Record<string, Value>>;
  readonly required: readonly string[];
  readonly references: Readonly<Record<string, ModelKind>>;
  /** Values of these together are had by one alone; null is nobody's, but in a plugin's place. */
  readonly unique: readonly string[];
}

const common = { references: {}, unique: [], required: [] };

export const modelKinds = {
  service: {
    ...common,
    collection: "services",
    nameField: "name",
    fields: { name: null, host: null, port: 80 },
    required: ["host"],
  },
  route: {
    ...common,
    collection: "routes",
    nameField: "name",
    fields: { name: null, service: null },
    references: { service: "service" },
  },
  plugin: {
    ...common,
    collection: "plugins",
    fields: { name: null, service: null, route: null, consumer: null, instance_name: null },
    required: ["name"],
    references: { service: "service", route: "route", consumer: "consumer" },
    unique: ["name", "service", "route", "consumer"],
    ownName: "instance_name",
  },
  consumer: {
    ...common,
    collection: "consumers",
    nameField: "username",
    fields: { username: null },
    required: ["username"],
  },
  keyauth_credential: {
    ...common,
    collection: "key-auths",
    fields: { key: null, consumer: null },
    required: ["key", "consumer"],
    references: { consumer: "consumer" },
    unique: ["key"],
  },
  consumer_group: {
    ...common,
    collection: "consumer_groups",
    nameField: "name",
    fields: { name: null },
    required: ["name"],
  },
} as const satisfies Readonly<Record<string, KindFacts>>;

export type ModelKind = "service" | "route" | "plugin" | "consumer" | "keyauth_credential" | "consumer_group";

const kindNames = Object.keys(modelKinds) as ModelKind[];
const factsOf = (kind: ModelKind): KindFacts => modelKinds[kind];

export class AdminModel {
  readonly #records = new Map<ModelKind, Map<string, ModelRecord>>(
    kindNames.map((kind) => [kind, new Map()]),
  );
  readonly #members = new Set<string>();

  /** By id, with the id. */
  list(kind: ModelKind): readonly ModelRecord[] {
    return [...this.#of(kind)]
      .map(([id, record]) => ({ id, ...record }))
      .toSorted((left, right) => (left.id < right.id ? -1 : 1));
  }

  /** `group consumer`. */
  get members(): readonly string[] {
    return [...this.#members].toSorted();
  }

  /** Whether it is granted; then it is done. `madeId`: the id the other one gave to what it made. */
  ask({ fields, key, kind, method }: ModelRequest, madeId: string): boolean {
    const found = this.#find(kind, key);
    if (method === "DELETE") return found === undefined || this.#remove(kind, found);
    if (method === "PATCH")
      return found !== undefined && this.#put(kind, found, { ...this.#of(kind).get(found), ...fields });
    if (method === "PUT") return this.#replace({ fields, key, kind }, found ?? madeId);
    const { id, ...own } = fields;
    if (typeof id === "string" && this.#of(kind).has(id)) return false;
    return this.#put(kind, typeof id === "string" ? id : madeId, own);
  }

  /** Whether the consumer could be put into the group. */
  join(groupKey: string, consumerKey: string): boolean {
    const [group, consumer] = [this.#find("consumer_group", groupKey), this.#find("consumer", consumerKey)];
    if (group === undefined || consumer === undefined) return false;
    this.#members.add(`${group} ${consumer}`);
    return true;
  }

  leave(groupKey: string, consumerKey: string): boolean {
    const [group, consumer] = [this.#find("consumer_group", groupKey), this.#find("consumer", consumerKey)];
    if (group === undefined) return false;
    this.#members.delete(`${group} ${consumer}`);
    return true;
  }

  #of(kind: ModelKind): Map<string, ModelRecord> {
    return this.#records.get(kind) ?? new Map();
  }

  #find(kind: ModelKind, key: string): string | undefined {
    const { nameField } = factsOf(kind);
    if (this.#of(kind).has(key)) return key;
    if (nameField === undefined) return undefined;
    return [...this.#of(kind)].find(([, record]) => record[nameField] === key)?.[0];
  }

  #replace({ fields, key, kind }: Omit<ModelRequest, "method">, foundOrMade: string): boolean {
    const { nameField } = factsOf(kind);
    const isId = key.includes("-");
    if (isId) return this.#put(kind, key, fields);
    if (nameField === undefined) return false;
    return this.#put(kind, foundOrMade, { ...fields, [nameField]: fields[nameField] ?? key });
  }

  #put(kind: ModelKind, id: string, given: ModelRecord): boolean {
    const facts = factsOf(kind);
    if (Object.keys(given).some((field) => !Object.hasOwn(facts.fields, field))) return false;
    const entries = Object.entries(facts.fields).map(
      ([field, fallback]) => [field, given[field] ?? fallback] as const,
    );
    const record: ModelRecord = Object.fromEntries(entries);
    if (facts.required.some((field) => record[field] === null)) return false;
    const dangles = Object.entries(facts.references).some(([field, to]) => {
      const target = record[field];
      return typeof target === "object" && target !== null && !this.#of(to).has(target.id);
    });
    if (dangles || this.#isTaken(kind, id, record)) return false;
    this.#of(kind).set(id, record);
    return true;
  }

  #isTaken(kind: ModelKind, id: string, record: ModelRecord): boolean {
    const { nameField, ownName, unique } = factsOf(kind);
    const others = [...this.#of(kind)].filter(([other]) => other !== id).map(([, other]) => other);
    const isSame = (fields: readonly string[]) =>
      others.some((other) =>
        fields.every((field) => JSON.stringify(other[field]) === JSON.stringify(record[field])),
      );
    const names = [nameField, ownName].filter((name) => name !== undefined);
    if (names.some((name) => record[name] !== null && isSame([name]))) return true;
    return unique.length > 0 && isSame(unique);
  }

  #remove(kind: ModelKind, id: string): boolean {
    if (kind === "service" && this.list("route").some(({ service }) => isReference(service, id)))
      return false;
    this.#of(kind).delete(id);
    for (const other of ["plugin", "keyauth_credential"] as const)
      for (const [otherId, record] of this.#of(other))
        if (isReference(record[kind] ?? null, id)) this.#of(other).delete(otherId);
    const end = ["consumer_group", "consumer"].indexOf(kind);
    for (const member of this.#members) if (member.split(" ")[end] === id) this.#members.delete(member);
    return true;
  }
}

function isReference(value: Value | undefined, id: string): boolean {
  return typeof value === "object" && value !== null && value.id === id;
}
