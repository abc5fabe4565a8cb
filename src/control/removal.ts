/** What a deletion takes along, and what it is refused for. */
import { lookupKey } from "../util/uuid.ts";
import type { Change } from "./change.ts";
import { type EntitySet, idIn, membershipKind, membershipOf, type Stored } from "./entity-set.ts";
import { type Kind, listing, referringTo } from "./kinds.ts";
import { Refusal } from "./refusal.ts";

/** Without the entity, and without those that belong to it. Removing what is not there changes nothing. */
export function remove(entities: EntitySet, kind: Kind, idOrName: string): Change {
  const existing = entities.find(kind, idOrName);
  if (existing === undefined) return { put: [], removed: [], record: undefined };
  const removed = new Map<string, Stored>();
  collectRemoved(entities, kind, existing.id, removed);
  return { put: [], removed: [...removed.values()], record: existing };
}

function collectRemoved(entities: EntitySet, kind: Kind, id: string, removed: Map<string, Stored>): void {
  const key = `${kind.name} ${id}`;
  if (removed.has(key)) return;
  removed.set(key, { kind: kind.name, id });
  for (const { field, kind: other } of listing(kind.name))
    if (entities.list(other).some((record) => listsId(record[field], id))) throw stillReferred(kind, other);
  for (const { foreignKey, kind: other } of referringTo(kind.name)) {
    for (const record of entities.referring(other, foreignKey.field, id)) {
      if (foreignKey.onDelete === "restrict") throw stillReferred(kind, other);
      collectRemoved(entities, other, record.id, removed);
    }
  }
  for (const membership of entities.memberships()) {
    // Ids are those of one kind; another kind may have the same.
    const end = { consumer: membership.consumer, consumer_group: membership.group }[kind.name];
    if (end !== id) continue;
    const tie = membershipOf(membership);
    removed.set(`${membershipKind} ${tie.id}`, tie);
  }
}

function stillReferred(kind: Kind, by: Kind): Refusal {
  return new Refusal(
    "foreign_key_violation",
    `an existing '${by.plural}' entity references this '${kind.plural}' entity`,
    { "@referenced_by": by.plural },
  );
}

/** A list has ids, or blocks with one. */
function listsId(list: unknown, id: string): boolean {
  if (!Array.isArray(list)) return false;
  return list.some((each: unknown) => lookupKey(typeof each === "string" ? each : (idIn(each) ?? "")) === id);
}
