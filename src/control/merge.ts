/** What a partial update makes of an entity: PATCH. */
import type { FieldSchema } from "../config/field-schema.ts";
import { isBlock } from "./complete.ts";

/**
 * Blocks are changed field by field, as their schema has them; lists, and blocks whose fields may have any name, such as
 * headers, are replaced. Null is kept: it stands for "not set", which puts a default back.
 */
export function merged(schema: FieldSchema | undefined, existing: unknown, given: unknown): unknown {
  const properties = schema?.properties;
  if (properties === undefined || !isBlock(existing) || !isBlock(given)) return given;
  const changes = { ...untoldByShorthands(properties, given), ...given };
  const changed = Object.entries(changes).map(
    ([name, value]) => [name, merged(own(properties, name), own(existing, name), value)] as const,
  );
  return { ...existing, ...Object.fromEntries(changed) };
}

/** What was there before would win over the old way of saying the same, and so is no longer set. */
function untoldByShorthands(
  properties: Readonly<Record<string, FieldSchema>>,
  given: Readonly<Record<string, unknown>>,
): Readonly<Record<string, null>> {
  const names = Object.keys(given).filter((name) => (given[name] ?? null) !== null);
  const targets = names.flatMap((name) => own(properties, name)?.standsFor ?? []);
  return Object.fromEntries(targets.map((target) => [target, null]));
}

/** Not what every object has, such as `constructor`. */
function own<Value>(block: Readonly<Record<string, Value>>, name: string): Value | undefined {
  return Object.hasOwn(block, name) ? block[name] : undefined;
}
