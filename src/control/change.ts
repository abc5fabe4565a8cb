/** What a request makes of the entities: pure functions from one set to the next, or a refusal. */
import type { Path } from "../config/problem.ts";
import { isUuid, lookupKey } from "../util/uuid.ts";
import { isBlock } from "./complete.ts";
import { completeRecord } from "./document.ts";
import {
  type EntityRecord,
  type EntitySet,
  type Membership,
  membershipOf,
  type Stored,
  type StoredRecord,
} from "./entity-set.ts";
import { textOfRecord } from "./hash.ts";
import { type Kind, kindOf } from "./kinds.ts";
import { withLinkedPartials } from "./linked-partials.ts";
import { merged } from "./merge.ts";
import { type NamedChildren, splitNames } from "./named-children.ts";
import { type PluginSchemas, schemaOf } from "./plugin-schemas.ts";
import { keyText, Refusal, schemaViolation } from "./refusal.ts";
import { uncovered } from "./secrets.ts";
import { checkUnique } from "./unique.ts";

/** What the functions may not find out for themselves. */
export interface ChangeContext {
  /** Seconds since 1970. */
  readonly now: number;
  /** A new UUID. */
  newId(): string;
  /** A text nobody can guess. */
  newSecret(): string;
  readonly plugins: PluginSchemas;
  /** Whether a text stands for a secret that was shown covered, and for which. */
  readonly covers: (text: string, secret: string) => boolean;
}

export interface Change {
  readonly put: readonly StoredRecord[];
  readonly removed: readonly Stored[];
  /** The entity that was asked about, as it is then. */
  readonly record: EntityRecord | undefined;
  /** Fields that were made up, which nobody knows yet. */
  readonly generated?: Fields;
}

export type Fields = Readonly<Record<string, unknown>>;

/** A new entity. */
export function create(entities: EntitySet, kind: Kind, fields: Fields, context: ChangeContext): Change {
  const id = idOf(fields) ?? context.newId();
  if (entities.get(kind, id) !== undefined)
    throw new Refusal(
      "primary_key_violation",
      `primary key violation on key '${keyText({ id })}': an entity of ${kind.plural} has it already`,
      { id },
    );
  return put(entities, kind, { ...fields, id }, undefined, context);
}

/** The entity with this id or name as the fields say and no more; made where there is none. */
export function replace(
  entities: EntitySet,
  kind: Kind,
  idOrName: string,
  fields: Fields,
  context: ChangeContext,
): Change {
  const existing = entities.find(kind, idOrName);
  const key = lookupKey(idOrName);
  const { nameField } = kind;
  const isById = existing?.id === key || isUuid(key);
  if (existing === undefined && !isById && nameField === undefined) throw notFound();
  const id = existing?.id ?? (isById ? key : undefined);
  const given = idOf(fields);
  if (id !== undefined && given !== undefined && given !== id)
    throw violation(`must be ${id}, which is what the address names, or be left out`, ["id"]);
  const isNamed = isById || nameField === undefined || (fields[nameField] ?? null) !== null;
  const said = { ...fields, ...(id !== undefined && { id }), ...(!isNamed && { [nameField]: idOrName }) };
  return existing === undefined
    ? create(entities, kind, said, context)
    : put(entities, kind, said, existing, context);
}

/** The entity with what the fields say changed, as `merged` has it. */
export function modify(
  entities: EntitySet,
  kind: Kind,
  idOrName: string,
  fields: Fields,
  context: ChangeContext,
): Change {
  const existing = entities.find(kind, idOrName);
  if (existing === undefined) throw notFound();
  const given = idOf(fields);
  if (given !== undefined && given !== existing.id)
    throw violation("cannot be changed: delete the entity and create another", ["id"]);
  const schema = schemaOf(kind, { ...existing, ...fields }, context.plugins);
  const next = merged(schema, existing, kind.entity.expand?.(fields) ?? fields) as Fields; // of two blocks
  return put(entities, kind, { ...next, id: existing.id }, existing, context);
}

/** A consumer in a group. */
export function join(membership: Membership): Change {
  return { put: [membershipOf(membership)], removed: [], record: undefined };
}

export function leave(membership: Membership): Change {
  return { put: [], removed: [membershipOf(membership)], record: undefined };
}

export function notFound(): Refusal {
  return new Refusal("not_found", "Not found");
}

/** A schema violation of one field. */
export function violation(message: string, path: Path): Refusal {
  return schemaViolation([{ path, message }]);
}

/** The entity, and those that are told by their names in it: made where they are not there, gone where no longer named. */
function put(
  entities: EntitySet,
  kind: Kind,
  fields: Fields,
  existing: EntityRecord | undefined,
  context: ChangeContext,
): Change {
  const { named, own } = splitNames(kind, fields);
  const change = putAlone(entities, kind, own, existing, context);
  const { record } = change;
  if (named.size === 0 || record === undefined) return change;
  return [...named].reduce((whole, list) => withListed(entities, whole, list, context), change);
}

function withListed(
  entities: EntitySet,
  change: Change,
  [{ kind, name: nameField, owner }, names]: readonly [NamedChildren, readonly string[]],
  context: ChangeContext,
): Change {
  const id = change.record?.id ?? "";
  const there = new Map(entities.referring(kind, owner, id).map((each) => [String(each[nameField]), each]));
  const removed = [...there].flatMap(([name, each]) =>
    names.includes(name) ? [] : [{ kind: kind.name, id: each.id }],
  );
  const put = [...change.put];
  for (const name of names.filter((each) => !there.has(each))) {
    const around = entities.with(put, removed);
    put.push(...create(around, kind, { [nameField]: name, [owner]: { id } }, context).put);
  }
  return { ...change, put, removed: [...change.removed, ...removed] };
}

function putAlone(
  entities: EntitySet,
  kind: Kind,
  fields: Fields,
  existing: EntityRecord | undefined,
  context: ChangeContext,
): Change {
  const generated = existing === undefined ? generatedIn(kind, fields, context) : {};
  const given = { ...fields, ...generated };
  const expanded = withoutFileFields(kind, kind.entity.expand?.(given) ?? given);
  const foreign = Object.fromEntries(
    kind.foreignKeys.map(({ field }) => [field, resolved(entities, kind, field, expanded[field])]),
  );
  const times = {
    created_at: expanded["created_at"] ?? existing?.created_at ?? context.now,
    updated_at: existing?.updated_at ?? context.now,
  };
  const linked = withLinkedPartials(entities, kind, { ...expanded, ...foreign, ...times }, context.plugins);
  const complete = completeRecord(kind, linked, context.plugins);
  const shown = uncovered(kind, complete, existing, context) as EntityRecord; // an entity in full
  if (existing !== undefined && isSame(existing, shown)) return { put: [], removed: [], record: existing };
  checkUnique(entities, kind, shown);
  const record = { ...shown, updated_at: context.now };
  return { put: [{ kind: kind.name, id: record.id, record }], removed: [], record, generated };
}

function generatedIn(
  { entity: { generatedField } }: Kind,
  fields: Fields,
  { newSecret }: ChangeContext,
): Fields {
  const isMissing = generatedField !== undefined && (fields[generatedField] ?? null) === null;
  return isMissing ? { [generatedField]: newSecret() } : {};
}

function isSame(existing: EntityRecord, next: EntityRecord): boolean {
  return textOfRecord(existing) === textOfRecord(next);
}

function idOf(fields: Fields): string | undefined {
  const { id } = fields;
  if (id === undefined || id === null) return undefined;
  if (typeof id === "string" && isUuid(id)) return lookupKey(id);
  throw violation("expected a valid UUID", ["id"]);
}

/** Without fields that only files have: those with a value are refused, saying what to do instead. */
function withoutFileFields({ entity, fields, foreignKeys }: Kind, given: Fields): Fields {
  const own = new Set([...Object.keys(fields.properties ?? {}), ...foreignKeys.map(({ field }) => field)]);
  const shape = { ...entity.shape, ...entity.children };
  const kept = Object.entries(given).filter(([field, value]) => {
    if (own.has(field) || !Object.hasOwn(shape, field)) return true;
    if (value === null) return false;
    // A shorthand that could not be expanded is wrong in itself, which its check says better.
    if (entity.expand !== undefined && Object.hasOwn(entity.shape, field)) return true;
    throw violation("unknown field: only files have it; here it is an entity of its own, or not supported", [
      field,
    ]);
  });
  return Object.fromEntries(kept);
}

/** The reference as `{ id }`. */
function resolved(entities: EntitySet, { foreignKeys }: Kind, field: string, given: unknown): unknown {
  const foreignKey = foreignKeys.find((each) => each.field === field);
  if (given === undefined || given === null || foreignKey === undefined) return null;
  const kind = kindOf(foreignKey.to);
  const key = typeof given === "string" ? given : textIn(given, ["id", kind.nameField ?? "id"]);
  if (key === undefined) throw violation('expected a reference such as {"id": "…"}', [field]);
  const found = entities.find(kind, key);
  if (found !== undefined) return { id: found.id };
  const named = typeof given === "string" ? { id: given } : (given as Fields); // has one of the two
  throw new Refusal(
    "foreign_key_violation",
    `the foreign key '${keyText(named)}' does not reference an existing '${kind.plural}' entity.`,
    { [field]: named },
  );
}

function textIn(value: unknown, fields: readonly string[]): string | undefined {
  if (!isBlock(value)) return undefined;
  return fields.map((field) => value[field]).find((text) => typeof text === "string") as string | undefined;
}
