/** A zod schema seen as plain JSON Schema: what messages, notices and reference pages read their facts from. */
import { z } from "zod";

/** The part of JSON Schema we use, with the marks of `util/field-notes.ts`. */
export interface FieldSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly pattern?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, FieldSchema>>;
  readonly items?: FieldSchema;
  readonly anyOf?: readonly FieldSchema[];
  readonly additionalProperties?: boolean | FieldSchema;
  readonly planned?: boolean;
  readonly sluice?: boolean;
  readonly secret?: boolean;
  readonly deprecated?: boolean;
  readonly fileOnly?: boolean;
  readonly auto?: boolean;
  /** Names of the fields beside it that it says in an old way. */
  readonly standsFor?: readonly string[];
  /** A block that is there, with the defaults of its fields, where it is left out. */
  readonly prefilled?: boolean;
}

const made = new WeakMap<z.ZodType, FieldSchema>();

/** What a file may hold (`io: "input"`), everything inlined. Made once per schema. */
export function fieldSchema(schema: z.ZodType): FieldSchema {
  const known = made.get(schema);
  if (known !== undefined) return known;
  const { $schema: _dialect, ...result } = z.toJSONSchema(schema, { io: "input", override: tidy });
  const field = result as FieldSchema; // zod's type is the whole of JSON Schema; we read the part above
  made.set(schema, field);
  return field;
}

/** The field at `path`; undefined where the schema knows none, or anything may stand. */
export function fieldAt(
  schema: FieldSchema | undefined,
  path: readonly (string | number)[],
): FieldSchema | undefined {
  return path.reduce<FieldSchema | undefined>((field, step) => child(field, step), schema);
}

/** Names of the fields a block may have; empty where any name will do. */
export function knownFields(schema: FieldSchema | undefined): readonly string[] {
  const own = Object.keys(schema?.properties ?? {});
  return own.length > 0 ? own : (schema?.anyOf ?? []).flatMap((option) => knownFields(option));
}

/** Paths of every block that has a field called `name`, e.g. `vectordb`; list positions are written `[]`. */
export function blocksWith(schema: FieldSchema, name: string, path = ""): readonly string[] {
  const found = schema.properties?.[name] === undefined ? [] : [path];
  const inner = Object.entries(schema.properties ?? {}).flatMap(([field, value]) =>
    blocksWith(value, name, path === "" ? field : `${path}.${field}`),
  );
  return [...found, ...inner, ...(schema.items ? blocksWith(schema.items, name, `${path}[]`) : [])];
}

function child(field: FieldSchema | undefined, step: string | number): FieldSchema | undefined {
  if (field === undefined) return undefined;
  if (typeof step === "number") return field.items ?? firstOf(field.anyOf, step);
  const { properties = {} } = field;
  if (Object.hasOwn(properties, step)) return properties[step];
  if (typeof field.additionalProperties === "object") return field.additionalProperties;
  return firstOf(field.anyOf, step);
}

function firstOf(
  options: readonly FieldSchema[] | undefined,
  step: string | number,
): FieldSchema | undefined {
  for (const option of options ?? []) {
    const found = child(option, step);
    if (found !== undefined) return found;
  }
  return undefined;
}

interface Override {
  readonly jsonSchema: z.core.JSONSchema.BaseSchema;
}

/** zod writes the limits of exact integers and the empty blocks it starts from; neither tells a reader anything. */
function tidy({ jsonSchema }: Override): void {
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  const { default: value } = jsonSchema;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return;
  if (jsonSchema.properties !== undefined) jsonSchema["prefilled"] = true;
  if (Object.keys(value).length === 0) delete jsonSchema.default;
}

/** The same where nothing must be there, at every depth. */
export function withoutRequired({
  anyOf,
  items,
  properties,
  required: _required,
  ...rest
}: FieldSchema): FieldSchema {
  const inner = Object.entries(properties ?? {}).map(
    ([name, field]) => [name, withoutRequired(field)] as const,
  );
  return {
    ...rest,
    ...(properties && { properties: Object.fromEntries(inner) }),
    ...(items && { items: withoutRequired(items) }),
    ...(anyOf && { anyOf: anyOf.map(withoutRequired) }),
  };
}
