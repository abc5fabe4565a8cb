/** How current decK fills in what a file leaves out, from the schemas that the admin API tells. */

export type Fields = Readonly<Record<string, unknown>>;

/** A field as `/schemas` tells it; of all that is said there, decK reads this. */
export interface SchemaField {
  readonly type: string;
  readonly required?: boolean;
  readonly default?: unknown;
  readonly fields?: readonly Readonly<Record<string, SchemaField>>[];
  readonly elements?: SchemaField;
}

export interface SchemaRecord {
  /** Of a plugin's schema: type of partial → where such a one can be linked. */
  readonly supported_partials?: Readonly<Record<string, readonly string[]>>;
  readonly fields: readonly Readonly<Record<string, SchemaField>>[];
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A field's entry has the field's name as its only key. Throws when it has not: decK would take any one of them. */
export function fieldsOf({ fields }: SchemaRecord): readonly (readonly [string, SchemaField])[] {
  return fields.map((entry) => {
    const [first, ...more] = Object.entries(entry);
    if (first === undefined || more.length > 0)
      throw new Error(
        `a schema's field is not an object with one key: ${JSON.stringify(entry).slice(0, 200)}`,
      );
    return first;
  });
}

/**
 * A plugin's config in full. A value that is given stays, null too; in blocks and lists of blocks what they leave out is
 * filled in. A block that is not given is filled in where it is required, else it is null; other fields get their default or null.
 */
export function filledConfig(schema: SchemaRecord, given: Fields): Fields {
  const filled = fieldsOf(schema).map(([name, field]) => [name, filledField(field, given, name)] as const);
  return { ...given, ...Object.fromEntries(filled) };
}

function filledField(field: SchemaField, given: Fields, name: string): unknown {
  const value = given[name];
  const { default: fallback = null, elements, fields, required = false, type } = field;
  if (type === "record" && fields !== undefined && (isFields(value) || (required && value === undefined)))
    return filledConfig({ fields }, isFields(value) ? value : {});
  if (value === undefined) return type === "record" ? null : fallback;
  if (!Array.isArray(value) || elements?.type !== "record") return value;
  const { fields: inner = [] } = elements;
  return value.map((item) => (isFields(item) ? filledConfig({ fields: inner }, item) : item));
}

/**
 * An entity in full: unlike in a plugin's config every block is filled in that has a default somewhere within, and what has
 * none is left out.
 */
export function filledEntity(schema: SchemaRecord, given: Fields): Fields {
  const result: Record<string, unknown> = { ...given };
  for (const [name, { default: fallback, fields, type }] of fieldsOf(schema)) {
    const value = result[name] ?? undefined;
    if (type !== "record" || fields === undefined) {
      if (value === undefined && fallback !== undefined) result[name] = fallback;
      continue;
    }
    const filled = filledEntity({ fields }, isFields(value) ? value : {});
    if (value !== undefined || Object.keys(filled).length > 0) result[name] = filled;
  }
  return result;
}
