/** From entities to the declarative document that the loader reads, and from a loaded file to entities. */
import type { LoadedEntity } from "../config/load.ts";
import type { Path } from "../config/problem.ts";
import { completed, isBlock } from "./complete.ts";
import {
  type EntityRecord,
  EntitySet,
  type Membership,
  membershipOf,
  type StoredRecord,
} from "./entity-set.ts";
import { type Kind, kindOf, kinds } from "./kinds.ts";
import { configSchemaOf, type PluginSchemas } from "./plugin-schemas.ts";

export interface EntityDocument {
  /** Kong's declarative format: a list for each kind. */
  readonly content: Readonly<Record<string, unknown>>;
  /** The entity that a path of the document lies in, and the rest of the path. */
  locate(path: Path): { readonly kind: Kind; readonly record: EntityRecord; readonly rest: Path } | undefined;
}

/** Older ones first, so that every node has the same order whatever order it heard of them in. */
export function documentOf(entities: EntitySet): EntityDocument {
  const lists = new Map(
    kinds.map((kind) => [kind.plural, { kind, records: entities.list(kind).toSorted(byAge) }] as const),
  );
  const groups = groupsByConsumer(entities.memberships());
  const content: Record<string, unknown> = { _format_version: "3.0" };
  for (const [plural, { kind, records }] of lists) {
    if (records.length === 0) continue;
    content[plural] = kind.name === "consumer" ? records.map((each) => inGroups(each, groups)) : records;
  }
  return {
    content,
    locate([plural, index, ...rest]) {
      const { kind, records } = lists.get(String(plural)) ?? {};
      const record = typeof index === "number" ? records?.[index] : undefined;
      return kind === undefined || record === undefined ? undefined : { kind, record, rest };
    },
  };
}

function byAge(left: EntityRecord, right: EntityRecord): number {
  return left.created_at - right.created_at || (left.id < right.id ? -1 : 1);
}

function groupsByConsumer(memberships: readonly Membership[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const { consumer, group } of memberships) found.set(consumer, [...(found.get(consumer) ?? []), group]);
  return found;
}

function inGroups(consumer: EntityRecord, groups: ReadonlyMap<string, readonly string[]>) {
  const joined = groups.get(consumer.id);
  return joined === undefined ? consumer : { ...consumer, groups: joined.map((id) => ({ id })) };
}

/** What a file has, as entities in full. Those without a time of their own are as old as `now`, in seconds. */
export function entitiesOf(loaded: readonly LoadedEntity[], plugins: PluginSchemas, now: number): EntitySet {
  return EntitySet.of(loaded.flatMap((each) => [recordOf(each, plugins, now), ...tiesOf(each)]));
}

function recordOf(
  { fields, id, kind: name, references }: LoadedEntity,
  plugins: PluginSchemas,
  now: number,
): StoredRecord {
  const kind = kindOf(name);
  const foreign = kind.foreignKeys.map(({ field }) => {
    const [target] = references[field] ?? [];
    return [field, target === undefined ? null : { id: target }] as const;
  });
  const known = Object.fromEntries(
    Object.entries(kind.entity.expand?.(fields) ?? fields).filter(([field]) => isShown(kind, field)),
  );
  const times = { created_at: now, updated_at: now };
  const given = { ...times, ...known, ...Object.fromEntries(foreign), id };
  return { kind: name, id, record: completeRecord(kind, given, plugins) };
}

function isShown({ fields }: Kind, field: string): boolean {
  return fields.properties?.[field] !== undefined;
}

function tiesOf({ id, kind, references }: LoadedEntity): readonly StoredRecord[] {
  if (kind === "consumer")
    return (references["groups"] ?? []).map((group) => membershipOf({ consumer: id, group }));
  if (kind !== "consumer_group") return [];
  return (references["consumers"] ?? []).map((consumer) => membershipOf({ consumer, group: id }));
}

/** The entity with every field it may have; the `config` of a plugin or partial too. */
export function completeRecord(
  kind: Kind,
  given: Readonly<Record<string, unknown>>,
  plugins: PluginSchemas,
): Readonly<Record<string, unknown>> {
  const foreign = Object.fromEntries(kind.foreignKeys.map(({ field }) => [field, null]));
  const record = completed(kind.fields, { ...foreign, ...given }) as Record<string, unknown>; // a block gives a block
  const links = linksOf(record["partials"]);
  const schema =
    links.length > 0
      ? plugins.ownConfigOf(record["name"], links)
      : configSchemaOf(kind.name, record, plugins);
  const config = record["config"] ?? {};
  return schema !== undefined && isBlock(config) ? { ...record, config: completed(schema, config) } : record;
}

/** Where partials are linked. */
function linksOf(partials: unknown): readonly string[] {
  if (!Array.isArray(partials)) return [];
  return partials.flatMap((link: unknown) => (isBlock(link) ? [String(link["path"] ?? "")] : []));
}
