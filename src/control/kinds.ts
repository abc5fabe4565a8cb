/** The kinds of entity as an API keeps them: each derived from its definition, so that a new entity needs no word here. */
import { entities } from "../config/entities/index.ts";
import { type Entity, entitySchema } from "../config/entity.ts";
import { type FieldSchema, fieldSchema } from "../config/field-schema.ts";

/** What becomes of the entities that refer to one which is deleted. */
export type OnDelete = "cascade" | "restrict";

export interface ForeignKey {
  readonly field: string;
  /** Name of the kind that it leads to. */
  readonly to: string;
  readonly isRequired: boolean;
  readonly onDelete: OnDelete;
}

export interface Kind {
  /** `service` */
  readonly name: string;
  /** `services`, as errors and `/schemas` have it. */
  readonly plural: string;
  /** Where its list is: `services`, `key-auths`. */
  readonly collection: string;
  /** What the list of those of one owner is called below that owner. */
  readonly nestedCollection: string;
  readonly entity: Entity;
  /** Fields an API shows and takes, those that refer to others left out. */
  readonly fields: FieldSchema;
  readonly foreignKeys: readonly ForeignKey[];
  /** Field by which it can be asked for instead of its id. */
  readonly nameField: string | undefined;
  /** Fields of which no two entities of the kind have the same value. */
  readonly uniqueFields: readonly string[];
}

// Each member's `check` takes its own type; nothing here calls it.
const all = entities as unknown as readonly Entity[];

/** In the order of the reference pages. */
export const kinds: readonly Kind[] = all.map(describe);

const byName = new Map(kinds.map((kind) => [kind.name, kind]));
const byCollection = new Map(kinds.map((kind) => [kind.collection, kind]));

/** Throws when there is none: names come from definitions. */
export function kindOf(name: string): Kind {
  const kind = byName.get(name);
  if (kind === undefined) throw new Error(`there is no kind of entity "${name}"`);
  return kind;
}

export function kindAt(collection: string): Kind | undefined {
  return byCollection.get(collection);
}

/** Kinds with a field that leads to `name`, and that field. */
export function referringTo(
  name: string,
): readonly { readonly kind: Kind; readonly foreignKey: ForeignKey }[] {
  return kinds.flatMap((kind) =>
    kind.foreignKeys.filter(({ to }) => to === name).map((foreignKey) => ({ kind, foreignKey })),
  );
}

/** Kinds with a field that lists references to `name`, as `ca_certificates` does, and that field. */
export function listing(name: string): readonly { readonly kind: Kind; readonly field: string }[] {
  return kinds.flatMap((kind) =>
    Object.entries(kind.entity.references ?? {})
      .filter(([field, to]) => to === name && kind.fields.properties?.[field]?.type === "array")
      .map(([field]) => ({ kind, field })),
  );
}

function describe(entity: Entity): Kind {
  const schema = fieldSchema(entitySchema(entity));
  const { nameField } = entity;
  const foreignKeys = foreignKeysOf(entity, schema);
  return {
    name: entity.name,
    plural: entity.plural,
    collection: entity.collection ?? entity.plural,
    nestedCollection: entity.nestedCollection ?? entity.collection ?? entity.plural,
    entity,
    fields: shownOf(schema, foreignKeys),
    foreignKeys,
    nameField,
    uniqueFields: [...(nameField === undefined ? [] : [nameField]), ...(entity.uniqueFields ?? [])],
  };
}

/** Of single references. Lists are a file's way of ties that are entities of their own here, or plain lists of ids. */
function foreignKeysOf(
  entity: Entity,
  { properties = {}, required = [] }: FieldSchema,
): readonly ForeignKey[] {
  return Object.entries(entity.references ?? {})
    .filter(([field]) => properties[field]?.type !== "array")
    .map(([field, to = ""]) => {
      const isOwner = entity.owner === field;
      return {
        field,
        to,
        isRequired: isOwner || required.includes(field),
        // Without what it was for it would be for everybody.
        onDelete: isOwner || entity.scope?.includes(field) === true ? "cascade" : "restrict",
      };
    });
}

function shownOf(schema: FieldSchema, foreignKeys: readonly ForeignKey[]): FieldSchema {
  const references = foreignKeys.map(({ field }) => field);
  const properties = Object.entries(schema.properties ?? {}).filter(
    ([name, field]) => field.fileOnly !== true && !references.includes(name),
  );
  return { ...schema, properties: Object.fromEntries(properties) };
}
