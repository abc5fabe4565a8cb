/** Entities in full, as an API shows them: every field is there, with its default, or null where it has none. */
import type { FieldSchema } from "../config/field-schema.ts";

/**
 * The value with what it leaves out. What does not fit the schema is left as it is, since this is no check; fields the schema
 * does not know stay, so that the check can name them. Blocks that are there when left out are filled in, others are null,
 * as Kong has it.
 */
export function completed(schema: FieldSchema, value: unknown): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined ? value : value.map((item) => completed(items, item));
  }
  if (!isBlock(value) || schema.properties === undefined) return value;
  const { properties } = schema;
  const given = new Map([...saidByShorthands(properties, value), ...givenIn(value)]);
  const fields = Object.entries(properties).flatMap(([name, field]) => {
    const filled = filledIn(field, given.get(name));
    // Old ways of saying what another field says: shown to those who use them.
    return filled === null && field.deprecated === true ? [] : [[name, filled] as const];
  });
  const unknown = Object.entries(value).filter(([name]) => !Object.hasOwn(properties, name));
  return Object.fromEntries([...fields, ...unknown]);
}

function filledIn(field: FieldSchema, value: unknown): unknown {
  if (value !== undefined) return completed(field, value);
  if (field.prefilled === true) return completed(field, field.default ?? {});
  return field.default === undefined ? null : completed(field, structuredClone(field.default));
}

/** A default would win over the old way of saying the same, so that what it says is written down in its place. */
function saidByShorthands(
  properties: Readonly<Record<string, FieldSchema>>,
  value: Readonly<Record<string, unknown>>,
): readonly (readonly [string, unknown])[] {
  return givenIn(value).flatMap(([name, said]) => {
    const targets = Object.hasOwn(properties, name) ? (properties[name]?.standsFor ?? []) : [];
    const defaulted = targets.filter((target) => properties[target]?.default !== undefined);
    return defaulted.map((target) => [target, said] as const);
  });
}

/** Null stands for "not set". */
function givenIn(value: Readonly<Record<string, unknown>>): readonly (readonly [string, unknown])[] {
  return Object.entries(value).filter(([, inner]) => inner !== null && inner !== undefined);
}

export function isBlock(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
