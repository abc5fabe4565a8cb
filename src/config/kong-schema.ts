/** A schema in the form in which Kong's admin API tells it, which its tools fill in defaults from. */
import type { FieldSchema } from "./field-schema.ts";

/** Each field is a block of its own, with the field's name as its only key. */
export interface KongSchema {
  readonly fields: readonly Readonly<Record<string, KongField>>[];
}

export interface KongField extends Partial<KongSchema> {
  readonly type: string;
  readonly required?: true;
  readonly default?: unknown;
  readonly one_of?: readonly unknown[];
  readonly between?: readonly [number, number];
  readonly elements?: KongField;
  readonly keys?: KongField;
  readonly values?: KongField;
  readonly reference?: string;
  readonly referenceable?: true;
  readonly encrypted?: true;
  readonly description?: string;
}

/** Of a block. `foreign`: fields that refer to other entities, and the lists these are in. */
export function kongSchema(schema: FieldSchema, foreign: Readonly<Record<string, string>> = {}): KongSchema {
  const references = Object.entries(foreign).map(([name, reference]) => ({
    [name]: { type: "foreign", reference } satisfies KongField,
  }));
  return { fields: [...fieldsOf(schema), ...references] };
}

function fieldsOf({ properties = {}, required = [] }: FieldSchema): KongSchema["fields"] {
  return Object.entries(properties)
    .filter(([, field]) => field.deprecated !== true)
    .map(([name, field]) => ({ [name]: kongField(field, required.includes(name)) }));
}

function kongField(schema: FieldSchema, isRequired: boolean): KongField {
  const { default: value, description, filledIn, maximum, minimum, secret } = schema;
  const shape = shapeOf(schema);
  const isFilledIn = value !== undefined || filledIn === true;
  return {
    ...shape,
    ...(description !== undefined && { description }),
    // A block with a default is filled in field by field.
    ...(value !== undefined && shape.type !== "record" && { default: value }),
    ...((isRequired || isFilledIn) && { required: true as const }),
    ...(schema.enum !== undefined && { one_of: schema.enum }),
    ...(minimum !== undefined &&
      maximum !== undefined &&
      maximum < Number.MAX_SAFE_INTEGER && { between: [minimum, maximum] as const }),
    ...(secret === true && { encrypted: true as const, referenceable: true as const }),
  };
}

function shapeOf(schema: FieldSchema): KongField {
  const { additionalProperties, anyOf, items, properties, type } = schema;
  if (type === "array")
    return { type: "array", elements: items === undefined ? { type: "any" } : kongField(items, false) };
  if (properties !== undefined) return { type: "record", fields: fieldsOf(schema) };
  if (typeof additionalProperties === "object")
    return { type: "map", keys: { type: "string" }, values: kongField(additionalProperties, false) };
  if (type === "object") return { type: "map", keys: { type: "string" }, values: { type: "any" } };
  const [first] = anyOf ?? [];
  if (type === undefined && first !== undefined) return shapeOf(first);
  return { type: type ?? (typeof schema.const === "number" ? "integer" : "any") };
}
