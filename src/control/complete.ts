/** Entities in full, as an API shows them: every field is there, with its default, or null where it has none. */
import type { FieldSchema } from "../config/field-schema.ts";

/**
 * The value with what it leaves out. What does not fit the schema is left as it is, since this is no check; fields the schema
 * does not know stay, so that the check can name them. Blocks with a default are filled in, others are null, as Kong has it.
 */
export function completed(schema: FieldSchema, value: unknown): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined ? value : value.map((item) => completed(items, item));
  }
  if (!isBlock(value) || schema.properties === undefined) return value;
  const { properties } = schema;
  const fields = Object.entries(properties).flatMap(([name, field]) => {
    const filled = filledIn(field, Object.hasOwn(value, name) ? value[name] : undefined);
    // Old ways of saying what another field says: shown to those who use them.
    return filled === null && field.deprecated === true ? [] : [[name, filled] as const];
  });
  const unknown = Object.entries(value).filter(([name]) => !Object.hasOwn(properties, name));
  return Object.fromEntries([...fields, ...unknown]);
}

function filledIn(field: FieldSchema, value: unknown): unknown {
  if (value !== undefined && value !== null) return completed(field, value);
  if (field.filledIn === true) return completed(field, {});
  return field.default === undefined ? null : completed(field, structuredClone(field.default));
}

export function isBlock(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
