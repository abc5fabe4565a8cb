/** Entities that are told by their names inside another: the `snis` of a certificate, each of which is an entity. */
import type { EntityRecord, EntitySet } from "./entity-set.ts";
import { type Kind, kindOf } from "./kinds.ts";
import { schemaViolation } from "./refusal.ts";

type Fields = Readonly<Record<string, unknown>>;

export interface NamedChildren {
  /** What their list is called: `snis`. */
  readonly field: string;
  readonly kind: Kind;
  /** Their field that says whose they are. */
  readonly owner: string;
  /** Their field that has the name. */
  readonly name: string;
}

/** The lists of names that stand in an entity of the kind: of those that are nothing but a name, and somebody's. */
export function namedChildrenOf({ entity, name: parent }: Kind): readonly NamedChildren[] {
  return Object.entries(entity.children ?? {}).flatMap(([field, child]) => {
    const kind = kindOf(child);
    const owner = kind.foreignKeys.find(({ isRequired, to }) => isRequired && to === parent);
    const isNamed = kind.entity.isNamedByText === true && kind.nameField !== undefined;
    return isNamed && owner !== undefined ? [{ field, kind, owner: owner.field, name: kind.nameField }] : [];
  });
}

function namesOf(entities: EntitySet, children: NamedChildren, id: string): readonly string[] {
  return entities
    .referring(children.kind, children.owner, id)
    .map((record) => String(record[children.name]))
    .toSorted();
}

/** The lists of names that an entity has, each in the order of the alphabet. */
export function namesIn(entities: EntitySet, kind: Kind, record: EntityRecord): Fields {
  const lists = namedChildrenOf(kind).map(
    (each) => [each.field, namesOf(entities, each, record.id)] as const,
  );
  return Object.fromEntries(lists);
}

/** What was sent, apart from the lists of names; a list that is null or left out asks for nothing. Throws a `Refusal`. */
export function splitNames(
  kind: Kind,
  fields: Fields,
): { readonly own: Fields; readonly named: ReadonlyMap<NamedChildren, readonly string[]> } {
  const named = new Map<NamedChildren, readonly string[]>();
  const own = { ...fields };
  for (const children of namedChildrenOf(kind)) {
    const { [children.field]: given } = own;
    delete own[children.field];
    if (given !== undefined && given !== null) named.set(children, checkedNames(given, children.field));
  }
  return { own, named };
}

function checkedNames(given: unknown, field: string): readonly string[] {
  if (Array.isArray(given) && given.every((each) => typeof each === "string")) return [...new Set(given)];
  throw schemaViolation([{ path: [field], message: "expected a list of names" }]);
}
