/** That no two entities have what only one may have. */
import { type EntityRecord, type EntitySet, idIn } from "./entity-set.ts";
import type { Kind } from "./kinds.ts";
import { keyText, Refusal } from "./refusal.ts";
import { isSecretField } from "./secrets.ts";

/** Throws a `Refusal` when another entity has a value of `record` that is to be unique. */
export function checkUnique(entities: EntitySet, kind: Kind, record: EntityRecord): void {
  const others = entities.list(kind).filter(({ id }) => id !== record.id);
  for (const field of kind.uniqueFields) {
    const value = record[field];
    if (typeof value !== "string" || !others.some((other) => other[field] === value)) continue;
    throw violated({ [field]: isSecretField(kind, field) ? "…" : value });
  }
  checkWithinOwner(kind, record, others);
  const { scope } = kind.entity;
  if (scope === undefined) return;
  const place = placeOf(scope, record);
  const text = keyText(place);
  if (others.some((other) => keyText(placeOf(scope, other)) === text)) throw violated(place);
}

/** What has no name of its own may still not be there twice for its owner: the targets of an upstream. */
function checkWithinOwner({ entity }: Kind, record: EntityRecord, others: readonly EntityRecord[]): void {
  const { nameWithinOwner: name, owner } = entity;
  if (name === undefined || owner === undefined) return;
  const id = idIn(record[owner]);
  if (id !== undefined && others.some((other) => idIn(other[owner]) === id && other[name] === record[name]))
    throw violated({ [name]: record[name], [owner]: { id } });
}

/** What tells it from others of its name. */
function placeOf(scope: readonly string[], record: EntityRecord): Readonly<Record<string, unknown>> {
  const ends = scope.map((field) => {
    const id = idIn(record[field]);
    return [field, id === undefined ? null : { id }] as const;
  });
  return { name: record["name"], ...Object.fromEntries(ends) };
}

function violated(key: Readonly<Record<string, unknown>>): Refusal {
  return new Refusal("unique_violation", `UNIQUE violation detected on '${keyText(key)}'`, key);
}
