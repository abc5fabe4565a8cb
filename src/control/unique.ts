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
  if (kind.name !== "plugin") return;
  const place = placeOf(kind, record);
  const text = keyText(place);
  if (others.some((other) => keyText(placeOf(kind, other)) === text)) throw violated(place);
}

/** Of one plugin, one instance runs for a request. */
function placeOf({ foreignKeys }: Kind, record: EntityRecord): Readonly<Record<string, unknown>> {
  const scope = foreignKeys.map(({ field }) => {
    const id = idIn(record[field]);
    return [field, id === undefined ? null : { id }] as const;
  });
  return { name: record["name"], ...Object.fromEntries(scope) };
}

function violated(key: Readonly<Record<string, unknown>>): Refusal {
  return new Refusal("unique_violation", `UNIQUE violation detected on '${keyText(key)}'`, key);
}
