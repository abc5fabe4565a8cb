/** A schema in the form in which Kong's admin API tells it, which its tools fill in defaults from. */
import type { FieldSchema } from "./field-schema.ts";

/** Each field is a block of its own, with the field's name as its only key. */
export interface KongSchema {
  readonly fields: readonly Readonly<Record<string, KongField>>[];
  /** Old ways of saying what other fields say, which are not filled in. */
  readonly shorthand_fields?: readonly Readonly<Record<string, KongField>>[];
}

export interface KongField extends Partial<KongSchema> {
  readonly type: string;
  /** Never null: a block is filled in, another field has a default or must be given. */
  readonly required?: true;
  /** Made up where it is left out. */
  readonly auto?: true;
  /** Of no two entities of the kind the same. */
  readonly unique?: true;
  readonly default?: unknown;
  readonly one_of?: readonly unknown[];
  readonly between?: readonly [number, number];
  readonly len_min?: number;
  readonly len_max?: number;
  readonly elements?: KongField;
  readonly keys?: KongField;
  readonly values?: KongField;
  readonly reference?: string;
  readonly on_delete?: "cascade";
  readonly referenceable?: true;
  readonly encrypted?: true;
  readonly deprecation?: { readonly message: string; readonly replaced_with?: readonly Replacement[] };
  readonly description?: string;
}

interface Replacement {
  readonly path: readonly string[];
}

/** Of a block. Patterns are left out: Kong's are Lua's, which ours are not. */
export function kongSchema(schema: FieldSchema): KongSchema {
  const entries = Object.entries(schema.properties ?? {}).map(([name, field]) => ({
    field,
    told: { [name]: kongField(field, schema.required?.includes(name) === true) },
  }));
  const shorthands = entries.filter(({ field }) => field.deprecated === true);
  return {
    fields: entries.filter(({ field }) => field.deprecated !== true).map(({ told }) => told),
    ...(shorthands.length > 0 && { shorthand_fields: shorthands.map(({ told }) => told) }),
  };
}

function kongField(schema: FieldSchema, isRequired: boolean): KongField {
  const { auto, default: value, description, prefilled, secret } = schema;
  const shape = shapeOf(schema);
  const isText = shape.type === "string" && shape.one_of === undefined && auto !== true;
  return {
    ...shape,
    ...(description !== undefined && { description }),
    // A block is filled in field by field.
    ...(value !== undefined && shape.type !== "record" && { default: value }),
    ...((isRequired || value !== undefined || prefilled === true) && { required: true as const }),
    ...(auto === true && { auto: true as const }),
    ...boundsOf(schema),
    // Any text may be a vault's.
    ...((isText || secret === true) && { referenceable: true as const }),
    ...(secret === true && { encrypted: true as const }),
    ...deprecationOf(schema),
  };
}

function boundsOf(schema: FieldSchema): Partial<KongField> {
  const { maximum, maxItems, minimum, minItems, minLength } = schema;
  const least = minItems ?? minLength;
  return {
    ...(minimum !== undefined && maximum !== undefined && { between: [minimum, maximum] as const }),
    ...(least !== undefined && { len_min: least }),
    ...(maxItems !== undefined && { len_max: maxItems }),
  };
}

function deprecationOf({ deprecated, description, standsFor }: FieldSchema): Partial<KongField> {
  if (deprecated !== true) return {};
  const replaced = standsFor?.map((name) => ({ path: [name] }));
  return {
    deprecation: { message: description ?? "", ...(replaced !== undefined && { replaced_with: replaced }) },
  };
}

function shapeOf(schema: FieldSchema): KongField {
  const { additionalProperties, anyOf = [], enum: choices, items, properties, type } = schema;
  if (choices !== undefined) return { type: typeOfChoices(choices), one_of: choices };
  if (type === "array")
    return { type: "array", elements: items === undefined ? { type: "any" } : kongField(items, false) };
  if (properties !== undefined) return { type: "record", ...kongSchema(schema) };
  if (typeof additionalProperties === "object")
    return { type: "map", keys: { type: "string" }, values: kongField(additionalProperties, false) };
  if (type === "object") return { type: "map", keys: { type: "string" }, values: { type: "any" } };
  const [first] = anyOf;
  if (type !== undefined || first === undefined) return { type: type ?? "any" };
  const constants = anyOf.map((option) => option.const);
  return constants.includes(undefined)
    ? shapeOf(first)
    : { type: typeOfChoices(constants), one_of: constants };
}

function typeOfChoices(choices: readonly unknown[]): string {
  if (choices.every((choice) => Number.isInteger(choice))) return "integer";
  return choices.every((choice) => typeof choice === "number") ? "number" : "string";
}
